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
    a aan aangemaakt aantal about above abstract accepted access according account accounting accounts acpi across
    actief action activate active activity actual add added adding address addresses admin administration administrator
    adoption adres adyen afdeling afdelingen affected afgebroken afgerond afgewezen aflossing afmelding afschrift after
    again against agenda agent agreement al alarm alert alerts algemeen algemene algorithm alive all allocated
    allocation allow allowed almere already als also although amazon amd amendment america american amex among amount
    amsterdam an analysis analytics analyzing and android angular another any apache api app append apple application
    applications applying approval approved apr april archive are arnhem array arrears as assembly assen assertion
    assets assigned assignment association async at attach attached attachment attempt attempted audit aug august
    augustus authentication authoritative authorization auto automatic available average azure back backoff backup bad
    balance balans bank bar base batch baz be because bedrag bedragen been before began begin begroting beheer beheerder
    behind being beleid belgium below bericht beside bestaat bestand beste bestuur bestuursleden betaald betaling
    betalingen between beyond bezig bic bij bijgewerkt billing bios block blocks bluetooth board body boekhouden
    boekhouding boeking boekingen bon bond boolean boot both bottom bound brabant branch breda bridge broadcast browser
    btw btwcode budget budgets buffer buffers builder building bulk bundle but button bv by bye byte bytes cache
    calculate calculation calendar call calling camt can cancel cancelled cannot card case cases cash cause caused
    celery centos central certificate certificates chair chairman change changed channel channels chapter chapters char
    charge chart check checked checking checks child chrome chunk city class clear cleared clearing client clock close
    closed closing club cluster coa code codes collection column comment commissie commissies commission commit
    committee committer common communication company compiler complete completed compliance component components
    comprehensive compress concept config configuration configure conflict connection connections consistency console
    constant contact contains content context continue contributie contribution controller conversion convert
    coordinator copy corporation cost could council count country coverage cpu create created creating creation credit
    creditors credits csrf currency current custom customer daar daemon dag dagboek daily dark darwin dashboard dat data
    database date datum day days de deactivate dead deadlock dear debet debian debit debiteur debits debtors dec
    deceased december decoded deed default deferred delete deleted delft delivery demo denied department dependency
    dependent depreciation description designation desk detail details detected deventer device deze di dict dictionary
    did die died dinsdag direct directory disable disabled discord discount discrepancies discrepancy disk display dit
    division do docker doctype document documents doen does doet donation donderdag done donor donors door dordrecht
    double down download draft drenthe drive driver dropped dubbele due dues dummy dunning duplicate duration during dus
    dutch each early east eastern ebics eboekhouden ede edge edit een eight eindhoven either election else email emails
    employee empty en enable enabled end ended ending english enhanced enschede enter entity entry environment er
    erpnext error errors ethernet europa europe even event events every example exceeded exception exchange excl
    executing execution executor executors exist existing exists exit expectation expected expecting expelled expense
    expired export exports expression expressions expulsion extend extended external extract facebook facturen factuur
    failed failure failures fake far feb februari february federation fedora fee fees fetch few field fields file files
    filter final finance financial find finish finished finishing firefox first fiscal five fix fixed flevoland float
    flush folder follower foo for forbidden force form format found foundation four fout foute fouten foutmelding
    fragment framework france frappe french fri friday friesland from front full function fund funds gaan gaat gaf gain
    gantt gateway geachte geannuleerd gebruiker gebruikers gecko geeft geen gegevens gekoppeld geladen gelderland geldig
    geldige gelukt gemeente general generate generated generating generation generic german germany gesloten gestart
    gestopt get getting geven gevonden gewijzigd ging github gitlab global gmbh goal goedgekeurd gold gone goods google
    got gpu grammar grand grant graph groep groningen grootboek gross group guest gunicorn haag haar haarlem had hadoop
    half hallo handled handler handling has hat have header health heap heartbeat heeft heel hello help here het
    hibernate hier high hij history hoe holiday holland host hot hour hourly hours how hrms html http hulp human hun
    hundred iban ideal identify if ignore ik illegal impact implemented import imported improper in inactief inactive
    inc incassant incasso incl income incoming inconsistent incorrect index info information ingediend init initial
    initialise initialize initializing inner input insert inside insights install installed installment instalment
    instance instead instellingen insufficient integer integration integrity intel intent interest interface internal
    interpreter interrupt interval invalid inventory invited invoice invoices ipsum is issue it italian item items jaar
    jaarrekening januari january jetty jinja job jobs join journal jouw json juiste jul juli jullie july jun june juni
    just kafka kan kanban kascommissie keep kernel key keys kill killed killing kilobytes kind kingdom klant klarna
    komen komt kon konden korting kosten kostenplaats kreeg krijgen krijgt kubernetes kunnen kwam kwartaal label laden
    lag land landed language last late layout lead leader league least leave leden ledenvergadering ledger leeg
    leeuwarden left leiden length less letter level levy lexer library lid lidmaatschap lidmaatschappen liggen ligt
    lijst limburg limit line lines link linked linking links linux list listed listening listing literal live living
    load loaded loading local location lock locked locks log logged logging login logout logs long lookup loop lorem
    loss low ltd ma maakt maakte maand maandag maar maart maastricht machtiging machtigingen macintosh mag mail mailbox
    maintain maintenance make maken making management manager mandaat mandate mandates mandatory manual many map mapping
    mar march margin mariadb mark master mastercard match matching material max maximum may maybe mean media median meer
    meest megabytes mei melding member members membership memberships memoriaal memory merge merged message met meta
    metadata method methods metrics microsoft midden might migration mijn million milliseconds min minder minimum minute
    minutes minuut mislukt mismatch mismatches missing mock mode model modified module modules moet moeten mogen mollie
    mon monday monitor monitoring month monthly months more most move moved moving mozilla mrt much multi multiple must
    mutex mysql naam naar nam name namen naming national near nederland needs neemt negative neither nemen net
    netherlands network never new newsletter next nginx niet nieuw nijmegen nine niveau no node nodes nog non none noord
    normal north northern not note nothing notification notifications notify notulen nov november null number nummer
    nummers nv nvidia object occurred oct october of off offline offset okt oktober old om omdat on onbekend onbekende
    onbetaald onboarding once onder one ongeldig ongeldige online only ons ontbreekt ontbrekende ontvangen onze ook oost
    op opdracht open opened opening openstaand operation operational operations opgeslagen opportunity opslaan
    optimization optimized option optional opzegging or oracle order organization original other oud our out outgoing
    outlook output outside outstanding over overdue overijssel override overschrijving overview own owned owner package
    packages packet packing page pages pagina paid pain parameter parent parse parser parsing partial partially parties
    partition partner party passed password patch path pay payable payload payment payments paypal payroll payslip pci
    peer penalty pending penningmeester pentium percent percentage perf performance period periode periodic permanently
    permission permissions permitted person phone physical ping pipe pipes plaats placed plain plan platform please plug
    point policy pool pools port portal ports position possible post posted postgres posting power precondition
    predicted prepared preview previous price print printing priority private probe problem procedure process processed
    processing processor product production profile profit program project properties property prorated protected
    protocol protocols provider provincie proxy psd public publish pull purchase push put python quality quantity
    quarter query queue quick quorum quota qux rabbit rabobank race raise raised ram ran range rapport rate rates ratio
    razorpay reached read reader reading ready real reason reboot recalculate receipt receivable receive received
    receiver recipient reconciliation record records recurring red redhat redirect redis reduce reduced reference
    refresh refund refuse refused regel regio region register registered registration registry reglement regular reject
    rejected rejection rekening rekeningen rekeningnummer related release relevant reload reminder remote remove removed
    rename renew renewal rente repeat replica reply report reports request requests required reserve reserved reset
    resigned resolve resolved resolving resource response restore restricted result resultaat results resume retries
    retry retrying return returned review revoke revoked right rights rij rol role roles rollback root rotterdam round
    route router routing row rows rule rules run running runtime safari salary saldo sales same sample sat saturday save
    saving scan scenario schedule scheduled scheduler scheduling scheme scope screen script scripts search second
    seconde seconds secretaris secretary section secure security select self semantic send sender sending sensor sent
    sep sepa sept september seq serial series server service services session sessions set sets setting settings setup
    seven shall share shared shell shipping short shortcut should show shuffle shutdown signal signature since site six
    size skip skipped slack slave sleep slow smtp snapshot snapshots society socket sofort software some sorry sort
    source south southern space spanish spark spec special split sql staan staat stack staff stage stages standard start
    started starting state statement states static statistics status statuten stemming step steps stichting still stock
    stond stop stopped stopping storage store stornering storno stream streams string stripe structure stub stuck
    subject submission submit submitted subscribe subscription subsidiary subtotaal subtotal success such sufficient
    suffix suite sum summary sun sunday supplier support suspend suspended swap swift switch sync syncing syntax system
    systems table tags target task tax team teams teapot tegenrekening telefoon template templates temporary ten tenant
    term termijn termijnen terminated termination terms territory terugboeking test testing text than that the their
    them then there these they third this those though thousand thread threads three threshold throttle throttled
    through thu thursday ticket tijd tijdens tilburg time timeout timer timestamp title to toch today toegang toegestaan
    toegevoegd toevoegen token tokens tomcat too tool tools top tot totaal total touch tour toward track tracking
    transaction transactions transfer translation treasurer tree trial tried triggers true truncate try tue tuesday
    tunnel tuple tussen twice twilio twitter two type types ubuntu uit unable unauthorized unavailable undefined under
    undo unexpected unhandled uninstall union unique unit united units unix unknown unless unlink unlinked unload
    unmatched unpaid unprocessable unread unregister unsaved unsubscribe unsupported until up update updated updating
    upgrade upload upstream uri url usage usb use used user users using utility utrecht uur uw valid validate validation
    value values van variable vat vector veel vendor venlo vereist vereniging verenigingen vergadering verification
    verified verify verkeerde verlopen verplicht verplichte version verstuurd vervallen verwerken verwerking verwijderd
    verwijderen very verzenden verzonden via view virtual visa visible vol volmacht voltooid volunteer volunteers voor
    voorzitter voucher vr vrijdag vrijwilliger vrijwilligers waar waarde waarom wacht wachtwoord wait waited waiting
    waiver wake wanneer want warehouse warning warnings was wat watchdog we web webhook website wed wednesday week
    weekly weeks weinig wel welke well werd werden were werkgroep werkzeug west western what when where which while who
    whole width wie wij wijzigen wijziging wil will willen window windows wireless with within without wizard wo
    woensdag word worden words wordt work worker workers workflow workspace world would wrapper write writing written
    wrong wrote xml year yearly years yes yet you your za zabbix zag zal zaterdag zeeland zeer zero zien ziet zij zijn
    zo zoeken zondag zonder zone zookeeper zou zouden zuid zullen zwolle
    """
) | _words(" ".join(DOCTYPES).replace("-", " ").lower())
"""Lower-case words, English and Dutch, that belong to things and sentences, not to people."""
