"""Names of people as they are common in the Netherlands, of every origin: what gives a name away in a sentence."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIRST_NAMES = _words(
    """
    aad aafke aaltje aart abbie abby abdel abdelaziz abdelhakim abdelhamid abdelilah abdelkader abdelkarim abdellah
    abdelmalik abdelouahab abderrahim abderrahman abdi abdul abdulkadir abdullah abdulrahman abe abel achmed achraf adam
    adamu adel adela adele adem adil adnan adolf adri adriaan adriana adrianus adrie aebe aeltsje afke afra agata agnes
    agnieszka ahmed ahmet aicha aidan aileen ailish aisha ajay akash akke akkelien akram alan alana alastair albert
    albertus alejandro aleksander aleksandra alessandro alessia alette alex alexander alexandra alexandre alexis alfons
    alfonso alfred ali alice alicia alida alisha alison allard alma almer alois alwin alya amal amanda amar amber amelia
    amin amina aminata amine amir amira amit amna amparo amy ana anass anastasia andre andrea andreas andrej andrew
    andries andrzej andré andy aneta anette angel angela angelique angelo angus anika anil anisa anish anissa anita anja
    ank anke ann anna annabel annabelle anne annechien anneke anneleen annelie annelies annelotte annemarie annemarijn
    annemiek annemieke annerieke annet annette annick annie annigje annika anny anouar anouk anoushka ans anselm anthony
    antje antoine antoinette anton antonia antonie antonina antonio antonius antoon anuradha anwar appie ardi arend
    ariane arianne arie arif arina arjan arjanne arjen arjette arjun arlette armand armando arnaud arne arno arnold
    arnoud arnout aron arshad arthur arvid arwen arzu asha ashley ashraf asim aslı asma astrid ati atilla attie auke
    aukje aurelia aurelie ayaan ayan ayca ayla aylin aynur ayoub ayse aysel aysun aytekin ayten ayşe aziz azra aïcha
    babette bahar baki barbara barbera barend barry bart bartek bartel bartosz bas bastiaan bastian baukje bea beata
    beate beatrix bela belinda ben benedict benita benjamin benjamina bennie benno bente benthe berat berber berend
    berna bernadet bernadette bernard bernd bernhard berry bert berta bertha bertus beth bethany betsie betsy bettina
    betty bianca bibi bie bieke bilal bilge billy birgit birgül björn blanca bo boaz bob bogdan boris boudewijn boukje
    bożena bradley bram brandon brecht brechtje brenda brendan brent brian bridget brigitte brit britt brittany bruce
    bruno bryan burak burcu burhan bülent büşra caitlin calvin cameron camiel camila camilla camille canan candice cara
    carel carin carina carl carla carlijn carline carlo carlos carmen carole carolien carolina caroline carolyn carry
    cas casper cassandra catalina catharina catharine catherine cathleen cathy catrien cecile cecilia cees celia celine
    cem cemal cengiz cerise ceyda chaima chaimae chandra chanel chantal charlene charles charley charlie charlotte
    chayenne chelsea cherida cheryl cheyenne chiara chloe chloé chris christa christel christiaan christian christiane
    christien christina christine christoph christophe christopher ciara cihan cilia cindy claire clara clarissa
    claudette claudia claudine claudius claus clemens clement clifford clive cobie coby coen coenraad colette colin
    colleen connie conny conrad constance constantijn cor cora corina corine corinne corne cornel cornelia cornelie
    cornelis cornelissen corné corrie corry corstiaan cory courtney craig cristian cristina cunera curtis cynthia cyril
    czeslaw daan dagmar daisy dalila damian damien dana danial daniel daniela daniele danielle danique danny dante
    daphne dario darius darko darren dave davey david davy dawid dawn deanna debbie debora deborah deepak deirdre delano
    delia demi denis denise deniz dennie dennis derek derk derrick derya desi desiree desmond devin devon dewi dewy dian
    diana diane dianne diantha diantje dick didi didier diede diederick diederik dieter diewke dik dilan dilara dimitri
    dimphy dina dineke dione dionne dirk dirkje djamila djoeke djuna dolf dolly dominic dominik dominika dominique
    donald donna donny dook doortje dora dorie dorien dorine doris dorota dorothea dorothy dorrit dounia doutzen douwe
    douwina driss duco duncan durk dwayne dylan dyon ebru ece eda edda eddy edgar edin edith edmund edo eduard eduardo
    edward edwin edyta eef eefje eelco eelke eelkje eeltje egbert eileen eilidh eimear ekaterina eke ela eleanor elena
    elenora elfriede elias elien elies elif elijah elin elina eline elio elisa elisabeth elise elisha eliza elizabeth
    elja elke ella elle ellen elliot ellis elly elma elmer eloise elona els elsbeth elsie elsje elske elvira elvis elza
    emanuel emerson emiel emil emilia emiliano emilie emilio emily emine emir emke emma emmanuel emmelie emmy emrah emre
    enes engin enno enrico enrique enya eoin ercan erdem erdinc eren ergün erhan eric erica erik erika erkan erkin erna
    ernest ernestine ernst erol ersin ertan ertuğrul erwan erwin esen esin eslem esma esmay esmee esmeralda esmée esra
    esteban estelle esther ethan etienne eugene eugenia eunice eva evan evelien evelina eveline evelyn evert evi evie
    evy ewa ewald ewoud ewout eylem eylül eymen ezgi ezra fabian fabiana fabienne fabio fabrice fadi fadma fadoua fae
    fahd faisal fanny farah fardau farid farida fariha farouk faruk fatema fathi fatih fatiha fatima fatimazahra fatma
    fay faye faysal fayza fedde federico fedor feike felicia felicity feline felipe felix fem femke fenna fenne fenneke
    ferdi ferdinand ferhat feride fernanda fernando feyza fieke fien fiene fientje figen filip filippo filiz finn fiona
    fiorella firat fleur floor florence florentine florian florine floris flynn fokelien fokje fokke folkert foppe fouad
    fouzia fran frances francesca francesco francien francine francis francisca francisco franciscus franciszek francois
    frank franka franklin frans franziska françois frauke fraukje frea fred freddy frederic frederick frederieke
    frederik frederika frederike freek freerk freya frida friso frits fritz frouke froukje fulya furkan gabriel gabriela
    gabriele gabriella gabrielle gaby gail gamze garry gary gavin geert geertje geertrui geertruida geeske gelske gemma
    geneviève geoffrey george georgia georgina gerald geraldine gerard gerardus gerben gerbrand gerco gerda gerdien
    gerdina gerhard gerja gerlinde germaine gerolf gerrie gerrit gerritje gert gertie gertjan gertrud gertruda gertrude
    geziena ghislaine giacomo giel gielis gijs gijsbert gillian gina gino gioia giorgio giovanni gisela gisele gitta
    giulia giuseppe gizem glenn gloria godelieve godfried gokhan gonca gonda gonnie gopal gordon gosia gosse govert
    grace grada graham grazyna greet gregor gregory greta gretel gretha griet grietje grzegorz guda guido guillaume
    gulcan gunter gustaaf gustav gustavo guus guy gwen gwendolyn gökhan gönül gül gülay gülcan güler gülhan gülsüm günay
    habib hacer hafid hafida haico hailey hajar hakan hakima halil halima halina hamed hamid hamza han hana hanane
    hanife hanin hanke hanna hannah hanneke hanneloes hannie hanno hanny hans harald hari harke harley harm harmen
    harmina harold haroon harrie harriet harry hartger harun hasan hasna hassan hatice hava hayat hayley hazel hechem
    hector hedda hedwig hedy heidi heike heiko hein heinrich heinz heleen heleentje helen helena helene helga hella
    helma helmut hendrick hendrickje hendrien hendrik hendrika hendrikje hendrikus heni henk hennie henny henri
    henriette henrik henriëtte henryk herbert heribert herma herman hermanus hermien hermine hero hester hettie hetty
    hibba hicham hidde hieke hilary hilbert hilda hilde hilke hillie hiltje hind hinke hjalmar hoda holly homme horst
    houda houssam howard hubert huberta hubertus hugo huib huibert huigje huseyin hussein huub hylke hélène hülya
    hümeyra hüseyin ian ibrahim ibtisam ibtissam ida idris idriss iefke ieke iekje ien iesse iet ietje ieva ignace
    ignatius igor ihsan ikram ilaria ilham ilhan ilias ilja ilka ilknur ilona ilse ilyas ilyass imad imane imke imran
    ina inan indira indra ineke ines inez inga inge ingeborg ingmar ingrid ingrida inki innes ioana ipek iqra irena
    irene irina iris irma irmgard irwin isa isaac isabeau isabel isabela isabella isabelle isak isis ismael ismahan
    ismail ismet isolde issam ita ivan ivana ivar ivo ivona ivonne iwan iwona izaak izabela izzy jaak jaana jaap jaapjan
    jacek jacinta jacintha jack jackelien jackeline jackie jaclyn jaco jacob jacoba jacobine jacobus jacoline jacomijn
    jacqueline jacques jadwiga jaime jaimie jaimy jair jake jakob jakub jalal jalila jamal james jamie jamila jamilla
    jan jana jane janet janic janice janick janie janine janique janis jann janna janneke janneman jannes janneta
    jannetje jannette jannick jannie jannigje janny janos janou jantje janusz jarl jarne jarno jaro jaromir jaroslav
    jaroslaw jarosław jasmijn jasmin jasmina jasmine jason jasper jauke javier jay jayce jayda jaydee jayden jaylen
    jaylin jayson jean jeanette jeanine jeanne jeannette jeannine jedidja jef jeff jeffrey jelena jelka jelle jelmer
    jelte jeltje jen jenna jennie jennifer jenny jenske jente jeremiah jeremias jeremy jerney jeroen jeroma jerome
    jerrel jerry jerzy jesper jess jesse jessica jessie jessy jet jetse jette jettie jetty jikke jill jillian jim jimmy
    jip jitske jo joa joachim joan joana joanna joanne joao joaquin job jobke jochem jochen jodi jodie joe joel joelle
    joep joeri joes joey johan johann johanna johannes johannis john johnny jola jolana jolanda jolande jolanta jole
    joleen jolein jolien jolijn joline jolle jonah jonas jonathan jonna jonneke joop joost joran jord jordy jorge jorik
    jorin jorinde jorine joris jorit jorma jorn jorrit jort jos jose josef josefa josefien josefina joselien joseline
    joseph josephine josette josh josha joshua josiane josip josje joska josse jost jotte jouke joukje jourdan jovana
    joy joyce jozef joëla joëlle juan juanita judith judy jules julia julian juliana juliane julie julien juliette julio
    julius jurgen jurian jurjen jurre jurriaan jurrien justa justin justina justine justus justyna jutta jytte józef
    jörg jørgen jürgen kaan kacper kadir kadriye kai kaj kajol kaleb kalle kamal kamiel kamil kamila kamile kamran
    kanwal kaoutar karam karan kareem karel karen karien karijn karim karima karin karina karl karlien karlijn karlo
    karolien karolina karoline karst karsten karsu karwan kas kasia kaspar kasper kassandra katarina katarzyna kate
    katelijn katelijne katerina katharina katherine kathleen kathrin kathy katia katie katinka katja katrien katrin
    katrina kaya kayla kaylee kaylie kazimierz keano kees keesjan keith kelly kelvin kemal kenan kendra kenneth kenny
    kenzo kerem kerim kerstin ketan kevin khadija khaled khalid khalil khaoula kieran kiki kilian kim kimberley kimberly
    kimo kinga kirsten kirstin kirsty kishan kitty kjeld kjell klaas klaasje klara klaske klaus klazien klaziena klea
    koba kobus koen koenraad konrad koos kor korneel kornelis korrie kosta krijn kristel kristiaan kristian kristien
    kristina kristine kristof kristoffer krisztina krystian krystyna krzysztof kuno kurt kwame kwasi kyan kyara kyle
    kyra kyrill kübra kürşat laila lale lambert lambertus lamine lamyae lana lance lara larissa lars lasse laura
    laurence laurens laurenske laurent laurentius lauri laurie laurien laurine lauryn lauwrens lavinia lea leah leander
    leanne leen leendert leendertje leentje leia leijla leila lejla lena lenie lenka lenn lennart lenneke lennox lenny
    lenora leo leon leona leonard leonarda leonardo leonardus leonel leonid leonie leonoor leonora leontien leontine
    leopold leroy lesley leslie leszek leticia levent levi lewis leyla leïla lia liam lian liana lianne libby lidewij
    lidia lidwien lidy liedewij lieke lielle lien lies liesbet liesbeth liese liesel lieselot lieselotte liesje liesl
    lieve lijsbeth lilian liliane lilianne lilith lilja lillian lilou lily lina linda linde lindsay lineke linette linh
    linn linnea lino linsey lio lioba lionel lis lisa lisanna lisanne lisbeth lise liset lisette lisja lissa liv livia
    liz liza lizanne lizbeth lize lizet lizette lizzy lobke lodewijk loek loes loesje loic lois lola lonneke lonnie lore
    loreen lorena lorenz lorenzo lori lorraine lotte lou louay loubna louella louis louisa louise lourens lowie loïc
    loïs lubbert luc luca lucas lucia lucie lucien lucienne lucille lucinda lucius lucy ludger ludmila ludo ludovic
    ludwig luigi luis luisa lukas lukasz luke lutgard lutz luuk luus lya lyanne lydia lydie lynn lynne lysanne lysbeth
    maaike maam maarten maartje maas maayke machteld maciej madelief mads mae maelle magali magda magdalena magdalene
    maggy maha mahir mahmoud mahsa maia maico maikel maisie maite maja majda majid malak malek malgorzata malika malin
    malou mandy manel manfred manish manja manoj manon manou manouk manuel manuela mara marc marcel marcela marcelina
    marcella marcello marcelo marcin marco marcus mareike marek maren margaret margareta margaretha margarethe margit
    margo margot margreet margret margriet marguerite maria mariam marian mariana mariangela mariann marianne maribel
    maricel maricela maricke marie marieke mariella marielle mariette marije marijke marijn marijne marijse marik marika
    mariken marilyn marin marina marine marinka marinus mario marion marise mariska marissa marit marius mariusz
    mariëlle marja marjan marjanne marjo marjoke marjolein marjoleine marjory marjukka mark marko marleen marlene marlie
    marlies marlijn marlinda marlis marlo marloeke marloes marlon marlou marlous marlyn marnie marnix marouane marsha
    marta martha martien martijn martijntje martin martina martine martino martinus martyna marvin marwa marwan mary
    marya maryam maryse masha masja massimo matej mateusz mathias mathieu mathijs mathilda mathilde mats matteo matthew
    matthias matthieu matthijs matty maud maureen maurice mauricio maurits maurizio mauro mavis max maxim maxime
    maximiliaan maximilian maxine maya mayke maynard mayra mayram małgorzata mechteld meera mees meggie meghan mehdi
    mehmet meijke meike meindert meine meint meinte melanie melchior melek melih melike melina melis melissa mellie
    melody melvin melvyn menke menno mercedes merel merijn merlijn mert merve meryem mesut mia miao mica micha michael
    michaela michail michal michalina michał michel michelangelo michele michella michelle michiel mick mickey
    mieczysław mieke mien mientje miep mieszko miguel mihai mijke mika mikael mikail mike mikel miki miko mikołaj mila
    milad milan milana milena miles milica milko mille millie milo milou miloš mimi mimoun mina mineke minke minnie
    minou miquel mira mirabella miranda miraç mirea mireille miriam mirjam mirjana mirko mirna miro miroslav mirosława
    mirre mirte mirthe misha misja mitch mitchel mitchell mitra mo moana moenish mohamad mohamed mohammad mohammed mohan
    mohit mohsin moira molly momo mona monica moniek monika monique monir monja montse morad morgan moritz morris
    mostafa mouad mouna mounia mounir mourad moussa muhammad muhammed muhammet muhittin mukaddes mukesh muna munir murad
    murat muriel muriël musa musab mustafa mustapha mutlu myra myriam myrna myrthe mónica münevver nabil nabila nacer
    nadia nadim nadine nadir nadja nadège nafisa nahid nahla naima najat najib najim nancy nanda nanette naomi naomie
    narges narin nasim nasir nasser nassira natacha natalia natalie natalija natan natascha natasja nataša nathalie
    nathan nathaniel naud nawal nazan nazlı naël naïm neal nechar necla neda neeltje neil nel nele nelia neline nelis
    nelleke nelly nelson nena nermin nesrin nesrine nevin nia nicholaas nicholas nick nicky nico nicola nicolaas nicolai
    nicolas nicole nicolette nicoline niek niels nienke nieske nihal nihat nikita nikki niklas niko nikola nikolaas
    nikolai nikolaj nikolas nikolay nikos nilay nilgün nils nilüfer nima nina ninke nirmala nis nisa nisha nisrine nitin
    nizar noa noah noam noelle noemi noor noortje nora norbert nordin noreen norma norman noud nour noura nourdin
    noureddine nouri nouria nouschka noussaiba noé noémie noël noëlle nuran nuray nurcan nurdan nurgül nurhan nuri nuria
    nuriye nurten nurullah nyla nynke oana obbe octavia océane odette odile odin oebele oeds oege oguz oguzhan okan
    oktay olaf olav oleg oleksandr oleksandra olena olessia olga olgun oliver olivia olivier olle olympia omar omer onno
    onur oona ophelia orhan oriana orlaith orlando orsolya orson oscar oskar osman othman otis otje otman otto ottoline
    oualid oumaima oumayma ousmane oussama owen ozan ozgur ozkan ozlem oğuz pablo paddy paige pam pamela paola paolo
    parisa pascal pascale pascalle patrice patricia patricio patrick patrik patrizia patryk paul paula paulien paulina
    pauline paulo paulus pavel pawel paweł pedro peer peet peggy pelin penelope penny pepijn perla perry petar peter
    peterjan petr petra petrina petronella petrus petruus philip philipp philippa philippe philippine phoebe phyllis
    piedro pien pier pierre piet pieter pieterjan pieternel pieternella pietje pietro pim pina pinar piotr pippa pleun
    pleuni polina polly pooja pradeep prakash pravesh priscila priscilla priya przemek przemysław puck pál pınar qasim
    quentin quincy quint quinten quinty quirijn quirine rabia rachel rachelle rachid rachida radboud radek radosław radu
    raf rafael rafaela rafał rafi rafik rafke raghav rahma rahul raimond raina raisa raj rajesh rajiv rakesh ralf ralph
    rama ramazan ramesh ramiro ramon ramona ramses ramy randy rani ranja ranjit ranya raoul raphael raphaël raquel rasa
    rashid rasmus ratna raul ravi rawan ray rayan raymon raymond rayyan raïsa rebecca rebekka recep reda redouan
    redouane reece reem reena regina rein reina reinder reinette reinhard reinhilde reinhold reinier reinilde reinoud
    reinout reiny rekha rembert remco remi remko remmelt remo remon remy rena renata renate rene renee reneke reni
    renilde renko rens renske renzo rené renée resit reza rhea rhona rhys ria riad rianne ric ricarda ricardo riccarda
    riccardo richard rick rico ridouan rieke riekje rieks riemer rien rienk riet rieteke rietje rifka rigo rihanna rijk
    rijkje rik rikkert rikus rimke rina rineke rini rinke rinse rinske rinus rinze rishi riska rita ritchie ritske
    ritsko rivka riza rob robbe robbert robbie robbin robert roberta roberto robin robrecht robyn rocco rochelle rodney
    rodrigo roel roeland roelfien roelfje roelie roelien roelinda roelke roelof roeltje rogelio roger rogier rohan rohit
    rokus roland rolanda rolf rolien rolina romain roman romana romano romee romeijn romeo romijn romina romke romy ron
    ronald ronan ronja ronnie ronny roos rory rosa rosalia rosalie rosalind rosaline rosalyn rosanna rosanne rose
    roseanne roselien roselinde rosemarie rosemary rosie rosita roswitha rowan roxana roxane roxanne roxy roy royce
    rozan rozanne rozemarijn rozemarijne ruard ruben rubina rudi rudie rudmer rudolf rudolph rudy rufus rukiye rune
    rupert russell rutger ruth ruud ryan ryanne ryszard rüdiger rüya rıza saar saba sabah sabien sabiha sabin sabina
    sabine sabir sabri sabrina sabriye sacha sade sadie sadık safa safae safiya safouan sahar sahin said saida sajjad
    sakina sal salah saleh salem salih saliha salim salima sally salma salome salvador salvatore sam samantha samet
    samir samira samuel samuela sana sanaa sanae sandeep sander sandhia sandhya sandra sandrine sandro sanjana sanjay
    sanna sannah sanne sanneke santiago santino saoirse sara sarah sarahi sarina sarita sascha sasha saskia satish saul
    savannah savas sawsan saïd saïda scarlett scott sean seb sebahat sebastiaan sebastian sebastien sebiha seda sedat
    sef sefa sefanja sefer sefora seher selami selcuk selen selena selene selim selin selina selinay selle selma selçuk
    sem semih semiha semra sena senna senne serap serdar seren serena serenay serge sergei sergej sergio serhat
    serkan serpil servaas servet seth sevda sevgi sevil sevim sevinç seyit seyma sezen sezer shabnam shafiq shahid
    shahin shakira shana shane shania shanice shanna shannon shanti sharda shari sharief sharina sharmila sharon shaun
    shauni shawn shayenne sheena sheila shelby shelly shenna sherida sherilyn sherina sheryl shirin shirley shiv shivani
    shyam sibel sibrand sibren sibylle sicco siddharth sidney siebe siebrand siebren siefke sieger siegfried sieglinde
    siem sien sierd sierra siets sietse sietske sietze sigourney sigrid sigurd siham sija sijbrand sijmen sijtje silas
    silke silvan silvana silvester silvia silvie silvio simen simeon simon simona simone simoon sina sinan sinem sinéad
    siobhan sipke sirin sissi sita sivan sjaak sjaan sjanie sjef sjoerd sjoerdtje sjon sjors sjoukje sofia sofian
    sofiane sofie sofyan sohail solange soledad soleil somaya sonia sonja sonny sophie soraya sorin soufian soufiane
    soukaina soumaya spencer spyros stacey stan stanislaw stanisław stanley stans stasia stef stefaan stefan stefania
    stefanie stefano steffen steffi steffie steijn steinar stella sten stephan stephane stephanie stephen steve steven
    stevie stien stientje stijn stijntje stine stuart styn suat sude suhaila suhayb sukru suleiman suleyman sumaya
    sumeyye sunil sunita surya susan susana susanna susannah susanne susie suzan suzanna suzanne suze suzie suzy svea
    sven svenja svetlana swaan swaantje swantje syb sybe sybille sybolt sybrand sybren sybrich syd sydney sylvain
    sylvester sylvia sylvie sylwia szymon sören süleyman sümeyye sławomir tadeusz taher tahir tako tamar tamara tamas
    tamer tamika tammo tania tanisha tanja tanya tara tarek tarik tariq tarık tasha tasnim tatiana tatjana tatum taylan
    taylor teake teatske ted teddy teije teja teje tekla teo teodora terence teresa terrance terrence terry teske tess
    tessa tessel tessy teun teunie teunis teuntje tewis thaddeus thalia thamar thamara thandi thea theo theodoor theodor
    theodora theodore theodorus theresa therese theresia thibault thierry thieu thijmen thijs thijsje thom thomas
    thomasz thor thora thorsten tiago tiana tiara tibbe tibor tieme tiemen tiffany tijl tijmen tijn tijs til tilda tilly
    tim timea timo timon timotheus timothy timothé tina tineke tini tinka tinke tinus tirsa tirtsa tirza titia titus
    tjaakje tjaard tjalling tjark tjarko tjebbe tjeerd tjerk tjeu tjibbe tjitse tjitske tjitte tjomme tjorven tobi
    tobias tobie toby todd tolga tom tomas tomasz tomek tomislav tommaso tommy ton toni tonia tonie tonke tonko tonnie
    tonny tony toon toontje toos tooske tore torsten tosca tracey tracy travis trees trevor trientje trijn trijnie
    trijntje trinette trinus tristan trix trixie troy trudie trudy trui truus tsjerk tsjikke tuba tufan tugba tunahan
    tuncay turan turgut turkan tuğba tuğçe tycho tygo tyler tyrone tülay tülin türkan ubbo ufuk ugur ulla ulrich ulrike
    umar umit umut una ursela ursula urszula usman uta ute uwe uğur vadim vahid vahide valentijn valentin valentina
    valentino valerie valery valérie vanessa vasco vasile vasilis vedat veerle vera verena verona veronica veronika
    veronique vesna vic vicky victor victoria victorine vidya vijay vik vika viktor viktoria vincent vincente vincenza
    vincenzo vinod viola violetta violette virginia virginie vishal vita vitali vito viv vivian viviana viviane vivianne
    vivienne vlad vladimir vlado volkan volkert véronique wadim wahiba wahid wahida waldemar walid walter walther wanda
    wanita wanja warner wassila wassim watse wayne weert wei wende wendel wendelien wendelijn wendelmoet wendy werner
    wesley wessel wiard wiardus wibe wichard wichert wiebe wiebke wiebren wiebrig wieger wiegert wieke wiekert wiel wies
    wiesje wiesław wiesława wietse wietske wijbren wijnand wijnanda wikje wil wilbert wilco wilfred wilfried wilhelm
    wilhelmien wilhelmina wilhelmus wilke willeke willem willemien willemijn willemijntje willemina willibrord willie
    willy wilma wilmar wilmer wim windy winfried winston wioletta wladimir wobke wojciech wolfgang wolter wouda wout
    wouter woutera wubbe wubbo wyb wybe wybren wybrich wynand wytse wytske wytze władysław xander xandra xavier xaviera
    xena xenia ximena yahya yaiza yakub yakup yannic yannick yannis yara yaren yasemin yasin yasmin yasmina yasmine
    yassin yassine yassir yavuz yazid yaël yde yelda yelena yeliz yener yente yentl yesim yeşim yfke yigit yiğit yke
    ylse ylva ymkje yndi ynskje yoeri yolanda yolande yolanthe yoni yorben yorick yosra youp youri yousef youssef
    youssra yuksel yuliya yuna yunus yurdagül yuri yusra yusuf yves yvette yvo yvon yvonne yüksel zach zachary zahra
    zakaria zakariya zamira zayn zaynab zbigniew zdzisław zehra zeki zeliha zeno zenon zerrin zeyneb zeynel zeynep zhen
    zia ziggy zilla zina zineb zita zlatan zoe zofia zohra zoran zouhair zouhir zoya zoë zsuzsanna zsófia zuzanna
    zwaantje zwanet zwany zübeyde zülal ömer önder özcan özge özgür özkan özlem öğuz ümit łukasz şebnem şenay şener
    şerife şirin şule şükran şükrü
    """
)
"""First names, lower case."""

SURNAMES = _words(
    """
    aalbers aalders aarts aartsen abbas abbink abdi abels abma achterberg adriaans adriaanse aerts ahmadi ahmed akbulut
    akdeniz akgül akkerman akkermans aksoy aktaş alaoui albers albert alberts ali alkema allen altena alting amezian
    amrani anand andersen anderson andriessen anker ansems aouragh apeldoorn appelman arends arendsen arens arslan arts
    aslan asma assen atalay ates ateş avci avcı aydemir aydin aydoğan aydın ayhan azzouzi baan baarda baars bakkali
    bakkenes bakker bakkers bal balci balcı balk balkenende barendregt barends barendse barnes baron bartelds bartels
    basoski bastiaans bastiaansen bauer bax baybaşın bayram beek beekhuizen beekman beeks beemsterboer beenen beers
    beijer beintema belhaj bello benali bennani bennett benning berends berendsen bergen bergh bergman bergmans bergsma
    bergstra berkel berkelmans berkers berkhout bernard berrada besselink beukema beumer beuving beverloo bezemer
    bhagwandin biemans bierens biesheuvel biesma bijker bijl bijlsma bijma bijvoet bilgin bisschop blaauw blanken
    blankenstein bleeker bleijenberg bloem bloemen bloemendaal blokhuis blokland blom blommaert boekel boekhorst boele
    boelens boelsma boer boerema boerma boers boersma boertien bogaard bogaards bogaert bogaerts bolhuis bolle bolt
    bonnema bonte boogaard boogaart boogert boon boone boonen boonstra boorsma borg borgman borsboom borst bos bosch
    boschma bosgraaf bosma bosman bosscher bosveld bouchaoui boucherie boudewijns bouma bouman bouterse boutkan bouwens
    bouwhuis bouwman bouwmans bouwmeester bouzid boven boxtel boz bozkurt braak braam brandenburg brands brandsma brandt
    brandwijk breed breedveld breeman bremer breukelen breuker brink brinkhof brinkman brinks broeders broek broekema
    broekhuis broekhuizen broekman broeks broer broers bronkhorst brouwer brouwers bruggeman bruggink brugman bruijn
    bruijne bruijns bruin bruine bruins bruinsma brummelhuis bruning brunt bryan buijs buijsman buis buitenhuis buiter
    bulut burg burger burgerhout burgers burgman burgt burns busch buskens butter buurman cakir campbell castelein
    castricum celik cetin chakir chaudhary chen cherkaoui cheung christiaans christiaanse claassen claessen claessens
    clark clarke clement cnossen coenen cohen collins coolen cornelisse cornelissen cox coşkun cramer creemers crijns
    croes cruz custers daalen dagelet dalen dalm damen damme dammers damstra dankers davies davis dekker dekkers delft
    demir demirci demirel demirtaş demmers dengerink derks derksen deursen diallo diaz diemen diepen diepeveen dijk
    dijke dijkema dijkers dijkgraaf dijkhuis dijkhuizen dijkman dijkmans dijkshoorn dijksma dijkstra dikken dinter dirks
    dirkse dirksen dirkzwager dissel ditzel dogan dokter dolman dongen donker donkers doorn doornbos doorson dorst douma
    doğan draaijer dragt draisma drent drenth drenthe driel driesen driessen driessens drost dubois duijn duijndam
    duijvestijn duin duinen duran durmaz duursma duvekot dwarshuis dykstra dąbrowski ebbers ebbing eck edwards eekelen
    eekhof eekhout eelman eerd eerden egberts eggink ehlers eijk eijkelenboom eijkman eijsink elbers elberse elders
    elfrink elhamdaoui elidrissi ellenbroek elshof elst elzinga embregts emmen emmerik emming engelberts engelbrecht
    engelen engelsman entius erdem erdogan erdoğan erkelens erp ersoy ertürk eskes essen essink evans everaert everaerts
    everdingen evers eversen evertsen faber fassbender fassi feddema feenstra feijen feitsma fernandes fernandez
    ferreira ferwerda fijnaut filali filius fischer flikkema flipse fokkema fokkens folkerts folkertsma fontein foster
    franke franken fransen franssen frederiks freriks frieling friesen frijters galama galema gangaram garcia garcía
    gastel geels geerdink geerlings geerts geertsema geertsen gelder gelderblom gelderen genugten geraedts gerards
    gerbrands gerrits gerritse gerritsen gerritsma geurts geurtsen geuze ghazi gibson gielen giesbers giesen gijsbers
    gijsen gilissen gloudemans goedhart goes goijen gomes gomez gonzalez goor goosen goossen goossens gorter gosselink
    goudriaan goudsmit graaf graaff graauw grabowski griffin griffioen griffiths grift grimbergen groen groenen
    groenendijk groeneveld groeneweg groenewegen groenewoud groenhof groenveld groot groote grooten grootenhuis
    grootveld guliker gunes gül güler gülmez güneş güngör günther güzel haaften haak haan haans haar haarman haas
    haasnoot haddou hage hagen hagenaars hahn hamberg hamdaoui hamelink hamer hamers hamming hammouti hamoen hanegraaf
    hansen hansma hanssen harbers hardeman harder harkema harmens harms harmsen harris harrison hartman hartog hartogs
    hassan hasselt haveman haverkamp havinga hazelhof hazenberg heemskerk heemstra heerden heerema heeren heering
    heesakkers heesch heida heide heijden heijer heijink heijligers heijmans heijne heijnen heijstek heijting heikens
    heinen heins heitink helder helm helmond hemert hendriks hendrikse hendriksen hendrix hengel hengeveld henkes
    hennink henry herben hermans hermsen hermus hernandez hertog hes hesselink hessels hettinga heusden heuvel
    heuvelmans hiddema hidding hiddink hiemstra hilbers hilhorst hobma hoeben hoefnagel hoefnagels hoefs hoek hoekman
    hoeks hoeksema hoeksma hoekstra hoeve hoeven hoffman hoffmann hofman hofmann hofmans hofmeijer hofstede hofstee
    hofstra hogenboom hogendoorn hogenkamp hogeveen hogeweg hollander holleman holst holt holtkamp holtrop holtslag
    holwerda homan hooft hoogeboom hoogenboom hoogendijk hoogendoorn hoogeveen hooghiemstra hoogland hoogstraten
    hoogvliet hooijer hoorn hopman horst houben houten houtkamp houtman houweling houwen hoven howard huang huber hughes
    huibers huiberts huijbers huijbregts huijgen huijsman huijsmans huisman huizen huizenga huizinga hulshof hulsman
    hulst hulzebos hunink hurk hussain ibrahim idrissi iersel imhof ismail israel ivanov işik jaarsma jabri jackson
    jacobs jacobse jacobsen jager jagroep jagt jalving jankowski janmaat jans janse jansen jansens jansma janssen
    janssens jaspers jellema jelsma jenkins jensen jochems johnson jones jong jonge jongejan jongeling jongeneel
    jongerius jonker jonkers jonkman joosse joosten joseph joustra juffermans jurgens jurriens kaan kaandorp kaar kaars
    kahraman kaiser kaldenbach kalkman kalpoe kamerling kaminska kaminski kamińska kamp kampen kampers kamphuis kampman
    kamps kandemir kanters kaplan kappen kapteijn kaptein kara karaca karadağ karakaya karakuş karaman karels karimi
    karreman karssen karsten kartal kartosen kasanmoentalib kassies kauffman kaufmann kaur kavak kaya kaynak keijsers
    keijzer keizers kelder kelders kelly kemp kempen kemper kempers kennedy kerkhof kerkhoff kerkhofs kerkhoven kersten
    kerstens kessel kessels kester ketelaar ketelaars keuken keulen keuning khan khatib khattabi kieboom kiers kiliç
    kistemaker klaassen klarenbeek klaver kleijn kleijnen klep klerk klerks klijn klomp klompmaker klooster kloosterboer
    kloosterman kloosters kluft knaap knegt knibbe knol knook knops koc koch kock koedam koehler koekkoek koelewijn
    koeman koenders koenen koens koers koetsier kokke koks kolen kolff kolk kolkman kollau kommer konijn konings
    koningsveld kooi kooij kooijman kooijmans kooiker kooiman kooistra kool koolen koolhaas koolhof kooman koomen
    koopman koopmans koops kopp koppelaar koppens korkmaz kortekaas korteweg kortleve korver kos koster kosterman
    kosters kouwen kouwenberg kouwenhoven kovač kovács kowalczyk kowalska kowalski kozłowski koç koçak kraai kraaij
    kraaijenbrink kraaijeveld kraak kraan krabbendam kramer kramers krause krawczyk krijger krijgsman krijnen krikke
    kroes kroese kroeze krol kroon kroonen krop kruger kruijf kruijssen kruijt kruis kruiswijk kruit kruithof kruk kruse
    krämer król krüger kuijer kuijper kuijpers kuijs kuijsten kuik kuiken kuin kuiper kuipers kumar kunst kurt kurz
    kuyper kwakernaak kwakman kwiatkowski köhler köksal küçük kılıç laan laar laarhoven laarman lagas lagerweij
    lagerwerf lahlou lam lamberts lamers lammers lammerts lampe lamrani landman landsman langedijk langelaan langen
    langerak langeveld laros lau laurens lavrijsen lebbink lee leeflang leeman leemans leenders leenen leer leerdam
    leeuw leeuwen leeuwenburgh leferink lefèvre lehmann leijen leijten lem lemmens lemmers lenders lensen lensink
    lenssen lenting leunissen leur leusden leussink lewandowska lewandowski lewis liebrand liefting liem lier lieshout
    ligtenberg ligthart lijesen limpens lin linde lindeboom lindeman linden linders lindhout linschoten linssen lint
    lith lodder loeffen loenen logtenberg lohman lohuis loman loo looijen loos lopes lopez lubbers lubberts luijendijk
    luijk luijten luiten lunenburg lusse luttikhuis luttikhuizen luyten maarschalkerweerd maas maassen maat macdonald
    mahabier mahadew mahieu mak malik mandemaker mandemakers manders mannaerts mansour mansouri marijnissen marinissen
    marinus markus marsman martens martinez maters mathijssen mathot matthijssen maurits mazur mazurek mccarthy mcdonald
    meer meerman meertens meesters meeuwis meeuwissen meeuwsen meij meijboom meijden meijer meijerink meijers meijs
    meinders meinema meiners meininger meis mejia melchers melis menkveld mensink merks merkx mertens metselaar metz
    meulen meulenbelt meulenbroek meulendijks meulman meuwissen meyer meyers michels middelkoop middendorp miedema
    mierlo minkman minnema mitchell moens moerkerk moerman moes mohamed mohammed mohan mokhtari mol molen molenaar
    molenaars molenkamp mollema mollen mommers monteiro mooij mooijman mook moolenaar moor moore mooren moorman morales
    mostert moussaoui mouw mudde muijs mul mulder mulders muller munster murphy murray musters mutsaers müller naber
    nagel nagelhout nagtegaal nagy naji nandoe naus nauta navarro nederlof nelissen nelson netten neuteboom ngo nguyen
    niehof niekerk nieland niemeijer nienhuis nieuwenhof nieuwenhuijs nieuwenhuis nieuwenhuizen nieuwkoop nieuwland
    nieuwstraten nijboer nijdam nijenhuis nijhof nijhuis nijkamp nijland nijman nijs nijssen nobel nolet nolten noordam
    noordhoek noordhof noordhuis noordman noordzij noort norbart nowak nowakowski nuijten nunes nunnink nyman o'brien
    o'connor o'neill odding oerlemans offermans ofori olde oldenburg olij olijve olsthoorn olthof olthuis onnekes ooijen
    ooijman oomen ooms oostendorp oosterbaan oosterhof oosterhout oosterhuis oosterling oosterman oosterom oosterveld
    oosterwijk oostra oostrum oostveen oouwerkerk ortega osinga osman ossewaarde otten ottens otter otto ouali ouazzani
    oudenaarden oudshoorn oulad oussoren ouwehand ouwens ouwerkerk overbeek overbeeke overdijk overmars ozcan ozdemir
    ozkan ozturk paalman paans paap panday pannekoek parlevliet pastoor patel pater paulissen paulus pauw pawirodikromo
    pawłowski paşa peer peereboom peeters pel pelgrim pellicaan penders pengel pennings penninx perdok pereira perez
    perk peters petersen petit petrov phillips pieters pieterse pietersen pijl pijnenburg pijpers pinas pinxteren
    piotrowski plaat plantinga plas pleijsier ploeg pluim poel poell poelman poels poiesz polak polat polderman polman
    pols pons poorter poot popma poppe poppema portier posthuma posthumus postma pothof pouw pouwels pouwer powell
    prakken prins prinsen prinssen pronk propsma prosper pruijn pruijs pruijssers putman putten putters quist raad
    raadsen raaijmakers raaphorst raats rademaker rademakers radstake rahmouni ramaker ramakers ramcharan ramdas
    ramdhani ramdin ramesar ramirez ramlakhan ramos rasmussen rauwerda ravensbergen ravesteijn reek reekers reijers
    reijmer reijnders reijnen reijnierse reijntjes reimers reinders reindersma reitsma remmers remmerswaal renes renkema
    rensen renssen renting reus reuver reuvers reyes rhee richter ridder ridderbos riel riemens riemersma rietberg
    rietveld rijk rijken rijkers rijksen rijn rijnders rijnen rijpkema rijpma rijpstra rijs rijsdijk rijswijk rikken
    riksen ringeling rink ritzema rivera robbers robertson robinson rodrigues rodriguez roeleveld roelfsema roelofs
    roelofsen roes roest roffel rogers romeijn romero romijn roodenburg rooij rooijakkers rooijen rooijens rooijmans
    roos roosenboom roosendaal roosma rooth ros rosenberg rossi rossum roukema rouwenhorst rovers ruigrok ruijs ruijter
    ruijters ruiten ruitenbeek ruiter ruiz ruizendaal russell rutgers rutjes rutten ruygrok ryan sabri sahin saidi
    salden saleh salih salm salomons samson sanchez sanders sanderse sanderson santen santos sardjoe sari sarı sas savas
    savaş saygın schaaf schaafsma schaap schaft schagen schalk schalkwijk schap scharrenberg scheepers scheer scheffer
    scheffers scheltens schenk schepers scherpenzeel schilder schilders schimmel schimmelpenninck schipper schippers
    schmid schmidt schmitt schmitz schneider schoen schoenmaker schoenmakers schokker scholl scholte scholten scholtens
    scholtes scholtz schoneveld schonewille schoonderwoerd schoonen schooneveld schoonhoven schoot schotman schouten
    schouwenaar schouwenaars schreuder schreuders schreurs schrijen schrijver schroder schröder schuiling schuite
    schuitema schulte schulten schulting schultz schulz schut schutte schutter schuur schuurman schuurmans schwab
    schwartz schäfer segers sengers serrano sewgobind sewnandan sezer shaw siebelink siebers siemerink siemons siersma
    sijbrandij simonis simons simonse simpson singh sinke sinnige sips sital slaats slager slagter slegers slijkhuis
    slob slof slomp sloot sluijs sluis sluiter smale smedts smeenk smeets smet smids smidt smit smith smits smulders
    snellen snelting snijder snijders snoeck snoeij snoek snoeren soares soekhlal soeters soethout sousa spaan spaans
    spanjer spee speelman spek spierings spijker spijkerman spijkers spoelstra spronk spruijt staal staals stam steeg
    steen steenbeek steenbergen steenhuis steenhuisen steensma steffens stegeman steijn stevens stewart stiemsma
    stikkelman stoffelen stoffels stokkel stokkers stokman stolk stolwijk stoop straalen straaten straten streefkerk
    strijbos strijk strijker strik stroeken stroo strootman struijk stuij stuiver suijkerbuijk suk sullivan suurmond
    swart swarts sweers swinkels szabó szczepański szymański tahiri talbi talsma tamer tamminga tang tebbens teeuwen
    teeuwisse teitsma tekin tekşen tellegen temmink tempelman terhorst terlouw terpstra terwel teunissen theunissen
    theuws thewissen thielen thijs thijssen thissen thomassen thompson tichelaar tielemans tiemessen tijhuis tijssen
    tilborg tilburg timmer timmerman timmermans timmers tinnemans tjong toebes toet tol tolboom tomassen tonnaer toorn
    topal toprak torres toussaint tran treur tromp troost trouwborst tuijl tuin tuinman tuna tunç turan türk türkmen
    uijl uijterlinde uitdehaag uiterwijk uittenbogaard uluç usta uysal uzun vaart valk valkenburg valkhof varekamp
    vasbinder vaz veen veenema veenendaal veenhof veenhuis veenhuizen veenma veenman veenstra veer veerkamp veerman vegt
    veld velde velden veldhoen veldhoven veldhuijzen veldhuis veldhuizen veldkamp veldman velten velthuis veltman velzen
    ven vendrig venema venetiaan venhuizen verbeek verbeke verberne verboom verbruggen verburg verburgh verdonk
    verdonschot verduin vergeer verhaar verhaegh verhage verhagen verhallen verheij verheijen verheul verhoef verhoeff
    verhoeven verhulst verkade verkaik verkerk verkuijlen verkuil verlaan verlinden vermaas vermaat vermeer vermeij
    vermeulen vermond vermunt verschoor verschure verschuren verschuur versluijs versluis versteeg versteegh verstegen
    versteijlen verstraaten verstraten verver vervoort verweij verwer verwey verwoerd vethaak vette vierhout vinke visch
    visscher visser vissers vissia vlaar vlaming vlasblom vleuten vliegen vlieger vliet vlietstra vocking voermans
    vogelaar vogels vogelzang vogt vollebregt vollenberg voogd voogt voorst vorstenbosch vos voskuil voskuilen vosman
    vossebeld vossen vreede vreeken vreeswijk vreugdenhil vrieling vriends vries vriesema vriezema vrijhof vrijland
    vroegindeweij vroom vugt vuijk vuuren waal waals wagemakers wagemans wagenaar wagenaars wagner wallace walraven
    walsh walter wang wassenaar waterman waterreus watson weber weelderen weerd weerden wegman weijden weijermans
    weijers weijs weiss wekker welling wels welten wennekes wensink werf werff werkhoven werkman wermink wessel
    wesseling wesselink wessels westeneng wester westerhof westerhuis westerink westerman westerveld westra wetering
    weterings wever wevers wezel wibier wichers wiegerinck wiegers wiegman wiel wielen wielinga wierda wieringa wiersema
    wiersinga wiersma wierstra wiertz wijdenbosch wijers wijga wijk wijma wijman wijnands wijnberg wijnen wijngaarden
    wijnhoven wijnja wijnker wijs wijsman wijst wilbrink wilde wildeboer wildenberg wilderom wildschut wilkens wilkinson
    willekes willems willemse willemsen williams wilmink wilms wilson windt winkelaar winkelman winkels witjes witteman
    wittenberg witteveen wiśniewska wiśniewski woerden wojciechowski wolbers wolff wolfs wolterink wolters wouda woude
    woudenberg woudstra wouters wright wróbel wubben wulp wójcik yalçın yang yaqubi yavuz yildirim yildiz yilmaz yüksel
    yıldırım yıldız yılmaz zaal zaalberg zając zandbergen zanden zandstra zandt zandvliet zanten zeegers zeeman zeeuw
    zeilstra zerouali zhang zhao zhu ziani zielinski zieliński zijl zijlmans zijlstra zijp zimmerman zimmermann zoest
    zomerdijk zonderland zondervan zonneveld zuidam zuidema zuiderveld zuidhof zuijlen zuurbier zwaal zwaan zwarts
    zweers zwiers zwijnenburg çakmak çakır çelik çetin çiftçi çoban özbek özcan özdemir özer özkan öztürk ünal ünlü ışık
    şahin
    """
)
"""Surnames without the particles before them, lower case."""

SURNAME_WORDS = _words(
    """
    adams bas bell blok bode boom boot bot brand bron brown butler can carter cook cooper dag dam daniels das engel
    engels ernst floor glas graham gray green hal hall haring hill hof honing hoog hoop hop horn hout huis hummel james
    jordaan kaal kat kater keizer keur king klein knoop kok koning kop kort korte lambert land lange lans limburg loon
    lucas martin martins mason miller moon morgan morris oever oost oud oude out parker pas pit plug pool poort post pot
    potter price punt rebel reed roberts ronde rood roode ross scott simon slot snel sok sol son spit splinter stapel
    stark stein stoel storm tas taylor ten thomas tom top turner vink vis vlot vogel voorn vorst vree vriend vroege
    waard walker ward waters weide white wind winkel winter winters wit witte wood woods young zomer zon zwart
    """
)
"""Surnames that are words as well, lower case: they count behind a first name or an initial only."""
