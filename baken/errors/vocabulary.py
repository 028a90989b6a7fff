"""Words that tell a name of a person from a name of a thing: what Frappe sites speak of, and common first names."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(";"))


DOCTYPES = _names(
    """
    API Audit Log; Access Log; Account; Account Creation Request; Activity Log; Address; Analytics Alert Rule;
    Asset; Auto Repeat; BOM; Bank; Bank Account; Bank Reconciliation Tool; Bank Transaction; Bin; Blog Post;
    Budget; Campaign; Chapter; Chapter Board Member; Chapter Member; Comment; Communication; Company; Contact;
    Contribution; Contribution Amendment Request; Cost Center; Country; Course; Currency; Currency Exchange;
    Custom Field; Customer; Customer Group; Dashboard; Data Import; Delivery Note; Department; Designation;
    Direct Debit Batch; Direct Debit Batch Invoice; DocType; Document; Donation; Donor; Dunning;
    E-Boekhouden Migration; E-Boekhouden Settings; Email Account; Email Domain; Email Group; Email Queue;
    Email Template; Employee; Error Log; Event; Expense Claim; Expense Claim Type; File; Finance Book; Fiscal Year;
    Function; GL Entry; Has Role; Holiday List; Integration Request; Invoice; Item; Item Group; Item Price;
    Item Tax Template; Issue; Journal Entry; Lead; Leave Type; Leave Application; Letter Head; Loan; Location;
    MT940 Import; Material Request; Member; Member IBAN History; Member Payment History; Membership;
    Membership Application; Membership Dues Schedule; Membership Goal; Membership Termination Request;
    Membership Type; Mode of Payment; Module Def; Mollie Audit Log; Mollie Settings; Newsletter; Notification;
    Notification Log; Opportunity; Payment Entry; Payment Gateway; Payment Gateway Account; Payment Ledger Entry;
    Payment Order; Payment Plan; Payment Request; Payment Schedule; Payment Terms Template; Period Closing Voucher;
    Periodic Donation Agreement; Prepared Report; Price List; Pricing Rule; Print Format; Project; Property Setter;
    Purchase Invoice; Purchase Order; Purchase Receipt; Quotation; Region; Report; Role; Role Profile;
    SEPA Audit Log; SEPA Mandate; SEPA Mandate Usage; SEPA Payment Retry; SEPA Retry Batch; SEPA Return File Log;
    Salary Slip; Salary Structure; Sales Invoice; Sales Invoice Item; Sales Order; Sales Partner; Sales Person;
    Scheduled Job Log; Scheduled Job Type; Serial No; Server Script; Shipment; Shipping Rule; Stock Entry;
    Stock Ledger Entry; Stock Reconciliation; Subscription; Subscription Plan; Supplier; Supplier Group;
    Supplier Quotation; System Alert; Task; Tax Category; Team; Terms and Conditions; Territory; Timesheet; ToDo;
    Translation; UOM; User; User Permission; Vehicle; Version; Volunteer; Volunteer Assignment; Volunteer Expense;
    Warehouse; Web Form; Web Page; Webhook; Website Settings; Work Order; Workflow; Workspace; Workstation
    """
)
"""DocTypes of Frappe, ERPNext and the association's app whose documents errors speak of."""

PERSON_DOCTYPES = frozenset(
    {"Customer", "Member", "User", "Contact", "Employee", "Supplier", "Donor", "Volunteer", "Lead", "Address",
     "Chapter Member", "Chapter Board Member", "Sales Person"}
)  # fmt: skip
"""DocTypes whose documents carry somebody's name."""

WORDS = _words(
    """
    a aantal about above access according account accounting accounts actief action active actual add added adding
    address admin administration administrator adoption adres adyen afdeling affected afgewezen afmelding after
    against agreement al alert alerts algemeen all allocated allocation allow allowed already als also amendment
    amount an analysis analytics analyzing and angular another any api app application applications applying
    approval approved april are as assets assigned assignment association at attach attached attachment attempt
    attempted audit august authentication authorization auto automatic available average backup balance bank base
    batch because bedrag before begin beheer beheerder below bericht bestaat bestand beste bestuur betaling
    betalingen between bij billing board body boekhouden boekhouding bon both branch browser budget budgets
    building bulk but by cache calculate calculation call calling cancel cancelled cannot cash cause caused
    central change changed chapter charge chart check checked checking checks child chrome chunk city class
    cleared clearing client close closed closing coa code collection column comment commission common
    communication company complete completed compliance component comprehensive concept config configuration
    connection consistency contact contains content context contributie contribution controller conversion convert
    coordinator cost could country coverage create created creating creation credit creditors credits csrf
    currency current custom customer daily dashboard data database date datum day days de deadlock dear debit
    debiteur debits debtors december decoded default deferred delete deleted delivery department dependent
    depreciation description designation desk detail details detected did direct directory disabled discount
    discrepancies discrepancy display division do doctype document documents does donation donor donors door draft
    due dues dunning duplicate duration each ebics eboekhouden edit een either email emails employee empty en
    enable enabled end enhanced enter entry environment er erpnext error errors event every exceeded exception
    exchange executing execution exist existing exists expected expecting expense expired export exports expulsion
    facturen factuur failed failure february fetch field fields file files filter final finance financial find
    finished firefox first fiscal fix fixed folder for force form format found fout fouten foutmelding frappe
    friday from full function fund funds gain gateway geachte gebruiker gebruikers gecko geen gegevens geldig
    general generate generated generating generation generic get getting global goal goedgekeurd gold goods google
    got grand grant groep group guest had hallo handled handler has have header heeft hello help het high history
    holiday host hour hourly hours how hrms html http hulp human iban identify if ignore impact import imported
    improper in inactive incasso income incoming inconsistent incorrect index info information initial inner input
    insert insights installed instance instead instellingen insufficient integration integrity interest internal
    interval invalid inventory invited invoice invoices is issue it item items jaar january jinja job jobs journal
    json july june kan keep key kind klant kon kosten label landed language last late lead leave leden ledger left
    length letter level library lid lidmaatschap lidmaatschappen lijst limit line lines link linked linking links
    linux list listed listing load loaded loading local location lock locked log logged logging logs lookup loss
    low maand maar machtiging macintosh mail mailbox maintain maintenance make making management manager mandate
    mandates mandatory manual many mapping march margin mariadb mark master match matching material max maximum
    may maybe melding member members membership memberships memory merge merged message met meta metadata method
    methods metrics microsoft migration min minimum minute minutes mismatch mismatches missing mode model modified
    module moet mollie monday monitor monitoring month monthly moving mozilla multiple must mysql naam naar name
    naming national near needs negative net network never new newsletter next niet nieuw niveau no nog none normal
    not note nothing notification notifications notify november null number nummer object occurred october of off
    offline old om on one ongeldig online only ontbreekt op opdracht open opening openstaand operation operational
    operations opportunity optimization optimized option optional opzegging or order organization other our out
    outgoing outlook outstanding over overdue overview owned owner packet packing page pagina paid parameter
    parent parse parser parsing partial partially parties partner party password patch path pay payable payment
    payments paypal payroll payslip pending percentage perf performance period periode periodic permission
    permissions permitted person phone ping placed plain plan platform please point policy portal position
    possible post posted postgres posting predicted prepared preview previous price print printing priority
    private problem procedure process processed processing product production profile profit program project
    properties property provider public publish pull purchase push python quality quantity quarter query queue
    quick quota rabobank race raise raised range rapport rate rates ratio razorpay reached read reading ready real
    reason recalculate receipt receivable received recipient reconciliation record records recurring redirect
    redis reduced reference refresh refund refuse refused regel region registered registration registry regular
    reject rejected rejection rekening related release relevant reload reminder remote remove removed rename renew
    renewal repeat reply report reports request required reserve reserved reset resolve resolved resolving
    resource response restore restricted result results resume retries retry retrying return returned review
    revoke revoked rights rij rol role roles round routing row rows rule rules run running safari salary saldo
    sales same sample saturday save saving scan schedule scheduled scheduler scheduling scheme scope script
    scripts search second section security select self send sender sending sent sepa september serial series
    server service session set sets setting settings setup share shared shipping short should show signature site
    size skip skipped slow smtp snapshot snapshots sofort software some sorry source space special split sql stack
    staff standard start started starting state statement states static statistics status step still stock stop
    storage string stripe structure stuck subject submission submit submitted subscription subsidiary success
    sufficient suffix sum summary sunday supplier support suspended switch sync syncing syntax system systems
    table tags target task tax team tegenrekening telefoon template templates temporary tenant term termination
    terms territory test testing text that the their them then there these they this threshold throttled through
    thursday ticket tijd time timeout timestamp title to today toegang toegestaan token tokens too tool tools top
    tot totaal total track tracking transaction transactions transfer translation trial tried triggers true try
    tuesday twilio two type types unable unauthorized undefined undo unexpected unhandled unique unit units
    unknown unlink unlinked unmatched unread unsaved unsubscribe unsupported until update updated updating upgrade
    upload upstream url usage use used user users using utility valid validate validation value values van
    variable vat vendor vereist vereniging verenigingen verification verified verify verlopen verplicht version
    verwerken verwerking verzenden via view visible volunteer volunteers voor voucher vrijwilliger vrijwilligers
    waarde wachtwoord waiting warehouse warning warnings was we web webhook website wednesday week weekly well
    were werkzeug what when where which while who whole width wijziging will window windows with without wizard
    words work worker workers workflow workspace wrapper write writing wrong xml year yearly yes you your zabbix
    zero zoeken zonder zone
    """
) | _words(" ".join(DOCTYPES).replace("-", " ").lower())
"""Lower-case words, English and Dutch, that belong to things and sentences, not to people."""

FIRST_NAMES = _words(
    """
    aafke aaltje aart abdel abdullah adam adriaan adriana agnes ahmed ahmet aisha albert alex alexander ali alice
    alida amir amira amy ana anass andre andrea andreas andries angela anita anja ank anke ann anna anne anneke
    annelies annemarie annie anouk ans anthony anton antonie antonius antoon arend arie arjan arjen arjun arne
    arno arnold arthur astrid auke ayoub ayse aziz babette barbara bart bas bastiaan beatrix ben benjamin bernard
    bert bilal birgit björn bo bob boris bram brenda brigitte bruno carel carin carla carlo carlos carmen carolien
    caroline casper catharina cees chantal charles charlotte chris christiaan christian christina claire claudia
    coby coen cor cora corine cornelia cornelis corrie daan daniel daniela daphne david debbie demi denise dennis
    derk desiree diana dick diederik dieter dik dina dirk djamila dolf donald dorien doris dylan eddy edith eduard
    edwin eef eelco elif eline elisa elisabeth elise elke ella ellen els elsbeth emiel emil emily emine emma emre
    eric erica erik erika erna ernst erwin esmee esra esther eva evelien evert evi ewoud fabian farid fatih fatima
    fatma feline femke fenna ferdinand finn fleur floor floris fokke francien francis frank frans fred freek fritz
    gabriel geert geertje gerard gerben gerda gerrit gert gertjan gijs gijsbert giovanni gisela gonnie greet greta
    gretha guido guus habib hakan halima hamid han hana hanna hannah hanneke hannie hans harm harrie harry hasan
    hassan heidi hein heleen helena helga hendrik hendrika henk hennie henny henri hester hicham hilda hilde hind
    hugo hussein huub ibrahim ida igor ilja ilona ilse imane imke ineke inge ingeborg ingrid irene iris irma isa
    isabel isabella isabelle ismail ivan ivo jaap jack jackie jaco jacob jacoba jacques jaimy james jamila jan
    jana jane janine janna janneke jannes janny jantje jasmijn jasper jay jayden jean jeanette jeanne jef jelle
    jennifer jenny jeroen jesper jesse jessica jet jip jitske jo joan job jochem joeri johan johanna johannes john
    jolanda jolien jonas jonathan joost joran jord jordy joris jorn jos jose josephine joshua joyce juan judith
    jules julia julian julie juliette jurgen jurre justin kamal karel karen karim karin karl karolien kas kees
    kelly kevin kim klaas koen koos krijn kristel kristian lars laura laurens leendert lena lennart leo leon
    leonie leontien levi lia lidia lieke lien lies liesbeth lieve lily lina linda lindsay linh lisa lisanne lize
    lizzy loes lotte lou louis louise luc luca lucas lucia lucie ludo luuk lydia maaike maarten maartje madelief
    magda mahmoud maria mariam marian marianne marie marieke marielle marijke marijn marina mario marion marissa
    marit marius marja marjan marjolein mark marko marleen marlies marloes marnix martha martijn martin martina
    martine mary mathieu mathilde matthijs maud maureen maurice max maxime mees mehdi mehmet melanie melissa menno
    merel merijn michael michel michelle michiel mick mieke mien mike mila milan miranda mireille mirjam mo
    mohamed mohammad mohammed monica monika monique mouad muhammad murat musa mustafa myrthe nadia nadine naima
    natalie natasja nathalie nick nico nicole niek niels nienke nikki nina noa noah noor nora norbert nour olaf
    olga oliver olivia omar onno oscar oskar otto pamela pascal patricia patrick paul paula pauline peggy pepijn
    peter petra pien pier piet pieter pim pleun priya quinten rachel rachid rachida ralf ralph ramon raoul raymond
    rebecca regina reinier reinout remco rene renee rens renske ria rianne richard rick rien rik rita rob robbert
    robert robin roel roeland roelof rogier roland rolf romy ron ronald roos rosa rosalie rosanne rowan roy ruben
    rudi rudolf rutger ruth ruud saar sabine sabrina said salma sam samira samuel sander sandra sanne sara sarah
    sascha saskia sebastiaan selma sem serge sevda shirley siem sien sietske sigrid silvia simon simone sjaak
    sjoerd sjors sofia sofie sonja sophie soufiane stan stef stefan stefanie steffie stella sten stephan steven
    stijn sven sybren sylvia tamara tanja tara tess tessa teun teunis thea theo theodora theresa thijmen thijs
    thomas tim timo tineke tini tirza tjeerd tobias tom tommy ton tonny toon trees trijntje truus tycho ursula
    valentijn valerie vera victor victoria vincent vivian walter wei wendy wesley wiebe wieke wil wilco wilhelmina
    wilhelmus willem willemijn wilma wim winston wout wouter wytze xander yara yasin yasmin yasmina youri youssef
    yusuf yvette yvonne zahra zeynep zoe
    """
)
"""Common first names in the Netherlands, lower case."""
