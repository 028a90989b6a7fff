"""Words by which log lines of any system are read."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALONE = _words("true false True False TRUE FALSE localhost")
"""Words that vary wherever they stand."""

ARCHITECTURES = _words("all amd64 arm64 armhf i386 i686 noarch x86_64 aarch64")
"""What packages are built for; stands behind their names, as in zlib:amd64."""

KEPT = _words(
    """
    ext2 ext3 ext4 ipv4 ipv6 ip4 ip6 sha1 sha256 sha512 md5 ssh1 ssh2 http2 h2 utf8 utf-8 x86 x86_64 x86-64 i386 amd64
    arm64 oauth2 s3 base64 l1 l2 l3 l4 k8s log4j slf4j usb2 usb3 p2p socks4 socks5 tls1 sslv3 pop3 imap4 ipv4/ipv6
    utf16 iso8859 crc32 mp3 mp4 h264 ec2 v8 db2 python2 python3 php5 php7 php8 sqlite3 postgres9 win32 win64 int32 int64
    uint32 uint64 float32 float64 i18n l10n e2e b2b 2fa mt940
    """
)
"""Words with digits that are words all the same, lower case."""

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
NOT_USERS = _words(
    """
    invalid illegal unknown interface agent data input space session mode level land root. is was has not name id ids
    does authentication request from to in for and or by on at
    """
)
"""Words behind "user", "login" and the like that are nobody's name."""

UNITS = "[KMGTP]?i?B|[kmgtp]b|[Bb]ytes?|[munµ]?s|msecs?|secs?|seconds?|milliseconds?|minutes?|mins?|hours?|hrs?|days?"
UNITS += "|°C|°F|UTC|GMT|CES?T|[ECMP][SD]T"
"""What stands behind a number and does not count: "5 ms" is "2 seconds"."""

CLASS_ROOTS = _words("com org net io java javax jdk sun android edu gov de nl")
"""What the names of packages and classes begin with."""

PACKAGE_ROOTS = _words("com org net io edu")
"""What names of applications begin with, as in com.example.app: they vary as names of hosts do."""

TOP_DOMAINS = _words(
    """
    com net org edu gov mil info biz io dev local localdomain lan internal nl de be fr uk eu us cn hk tw jp kr in br ru
    pl it es se no fi dk ch at au ca mx ar za tr ro cz hu gr pt ie il test example
    """
)
"""What names of hosts end with."""

EXTENSIONS = _words(
    """
    log conf cfg ini json xml yml yaml txt properties gz zip tar tgz bz2 csv pdf html htm js css php py rb java c h cpp
    cc go rs so dll exe sys jar war service socket target timer mount pid sock db sql bak tmp lock pem crt key png
    jpg jpeg gif svg ico webp xls xlsx doc docx odt ods toml md tsv parquet avro xz 7z rpm deb whl iso img bin cnf env
    woff map out old swp sqlite
    """
)
"""What names of files end with."""

NOUNS = (
    "[Cc]ontainer|[Pp]rocess|[Pp]od|[Jj]ob|[Tt]ask|[Ss]ervice|[Pp]lugin|[Dd]eployment|[Mm]igration|program|daemon|hostname|host"
    "|node|device|interface|domain|database|table|index|schema|role|group|queue|topic|channel|stream|image|instance"
    "|namespace|bucket|branch|repository|project|partition|volume|package|unit|filesystem|slice|lock|flag|tenant|module"
    "|cluster|site|backend|upstream|subscription|consumer|workspace|job|task|key"
    "|sensor|disk|variable|parameter|constraint|option|property|attribute|script|report"
)
"""Kinds of things whose name stands behind them, as an expression."""

LEVELS = {
    "trace": "trace", "verbose": "trace", "finest": "trace", "finer": "trace", "fine": "debug", "dbg": "debug",
    "debug": "debug", "debug1": "debug", "debug2": "debug", "debug3": "debug", "config": "info", "info": "info",
    "information": "info", "log": "info", "note": "info", "notice": "info", "statement": "info", "detail": "info",
    "hint": "info", "system": "info", "warn": "warning", "warning": "warning", "err": "error", "eror": "error",
    "erro": "error", "error": "error", "severe": "error", "failure": "error", "crit": "critical",
    "critical": "critical", "alert": "critical", "emerg": "critical", "emergency": "critical", "fatal": "critical",
    "panic": "critical", "vrb": "trace", "inf": "info", "wrn": "warning", "ftl": "critical",
}  # fmt: skip
"""The levels as lines write them, lower case, and what they are called here."""

ENDINGS = tuple(_words("ing ed tion sion ment ness able ible ally ly ance ence ive ous ful"))
"""How words of the language end that need not be listed."""

WORDS = _words(
    """
    a able abort about above absent abstract accept access account acknowledgement across active actual add address
    admin after again against age agent ago alert alias align alive all allocator allow alone already also alternate
    always among amount an analysis and another answer any anything apart api app apply archive are area argument around
    array as ask asset assign at attach attempt attribute auth auto automatic away back background backup bad balance
    bandwidth bare base based bash basic batch be beacon because been before begin behind below best better between
    beyond big binary bind bios bit bits blank block body boot bootstrap both bottom brand break bridge brief broadcast
    broken broker browser buffer build bulk bus busy but buy by bypass byte cable cache call can cancel cannot capacity
    card care carry case cast catch cause cell center central certificate chain change channel chapter character charge
    check checkpoint checksum child choice choose chunk cipher city class clean cleanup clear click client clock close
    cluster code cold collect color come command comment commit common company compare compiler complete complex
    component compression compute computer concern condition conf config confirm conflict connect consider console
    consumer contact contain content context continue contract control controller convert cookie coordinator copy core
    corrupt cost could count country course cover cpu crash create credential critical cron cross current custom
    customer cut cycle daemon daily damage dark dashboard data date day dead deadlock deal debug debugger declare decode
    deep default define degree delay delete deliver demand deny depend deploy depth derive describe design desk destroy
    detail detect develop device dialog did differ different difficult digest direct directory dirty disable discard
    disconnect discover disk dispatch display distance dns do document does domain donation done donor door double down
    draft drive driver drop due dump duplicate during duty each early earth easy echo edge edit effect either election
    element else email emit employee empty enable encode encoder encrypt end endpoint enforce engine enough enqueue
    enter entire entry equal error escape establish estimate even event ever every everything exact examine example
    exceed except exchange exclude execute exist exit expand expect expire explicit export expose express expression
    extend extension external extra extract face fact fail fallback false fan far fast fatal fault feature fetch few
    field file filesystem fill filter final find finish fire firewall firmware first fit fix flag flat flip float flow
    flush focus folder follow follower font for force foreground foreign forget fork form format forward found four
    frame framework free fresh from front full function future gain gap garbage gate gateway gather general generate
    generator get give given global go good got grant graphics great group grow guard guess guest had half halt hand
    handle handler handshake hang happen hard hardware has hash have he head header health heap heartbeat heavy held
    hello help here hidden hide high hint history hit hold home hook host hour how however http hub huge human id
    identify identity idle if ignore illegal image immediate implicit import improper in inactive inbound include
    incoming incomplete increase index indirect info inform inherit init initial inject inner input insecure insert
    inside install instance instead instruction integer integrity intent interest interface internal internet
    interpreter interrupt interval into invalid inverse invite invoice invoke is issue it item iteration its itself jar
    job join journal json jump just jvm keep kept kernel key keyboard keyspace kill kind know known label lack landed
    lane language large last late latency later latest launch layer lead leader leak lease least leave left legacy legal
    length less let level library lid life light like limit line link linked list listener live load loader local locate
    lock log login logout long look lookup loop lose loss lost low machine made mail main major make manager manual many
    map mark mask master match maximum may me mean media meet member memory mention menu merge message metadata method
    middle might migration mind minimum minor minute mirror mismatch miss missing mix mobile mode model module moment
    money monitor month more most mount mouse move much multi multicast multiple must mutex my name namespace narrow
    native near need negative neither net network never new next nice night no nobody node non none nor normal not note
    nothing notice notification notify now null number obey object obsolete occur odd of off offer office offline offset
    often okay old on once one online only open operand operate operation operator option optional or order ordinary
    original orphan other our out outbound outer outgoing output outside over overall overflow overlap overwrite own
    owner packet page paid pair panel panic paper parallel parameter parent parity parser part partial partition party
    pass password past patch path pattern pause pay payment peer pending people per perform perhaps period permanent
    permission permit person physical pick pid pin pipe pipeline place plain plan plane play please plugin plus pod
    point pointer policy poll pool poor popular port position positive possible post power practice pre prefix prepare
    present press prevent preview previous price primary print prior priority private privilege pro probable probe
    problem proceed process processor produce producer profile program prohibit project promote prompt proof proper
    property protect protocol prove provide provider proxy public publish pull purge purpose push put query question
    queue quick quiet quit quite quorum quota race rack raise random range rapid rare rate raw re reach read reader
    ready real reason reboot receive recent recipient reclaim recognize reconnect record recover recovery recycle
    redirect reduce refer refresh refuse regard region register registry regular reject relate relative relay release
    relevant reliable reload rely remain remember remote remove rename render repair repeat replace replica replication
    reply report represent request require reserve reset resize resolve resolver resource response rest restart restore
    restrict result resume retain retrieve retry return reuse reverse revert review revoke rewrite right role roll root
    rotate round route router routine row rpc rule run runtime safe same sample sanity save say scan schedule scheduler
    schema scheme scope screen script search second secret section sector secure security see seed seek seem segment
    select selector self send sender sense sensor sent separate sequence serial server service session set seven several
    shall shape shard share she shell shift ship short should show shut shutdown side sign signal signature silent
    similar simple since single sit site six size skip slave sleep slot slow small smart smooth snapshot so socket soft
    software some something soon sorry sort source space spare special specific speed spend split spool stable stack
    stage stale stand standard standby start startup stat state statement status stay step still stock stop storage
    store straight strange stream strict string strong structure style sub subject submit subnet success such sudden
    suite sum super supply support suppress sure surface survive suspect suspend swap switch symbol sync system table
    tag take talk target task team tell temperature template temporary ten tenant term terminal test text than that the
    their them then there these they thing think third this those though thread three threshold throttle through throw
    thus tidy tie tight till time timeout timer tiny title to today together token tolerate tomorrow tonight too took
    tool topic total touch toward trace track traffic trail train transaction transfer translate transport trap travel
    treat tree trial trigger trim trip trouble true truncate trust try tunnel turn twice two type typical ultimate under
    undo unexpected unique unit unknown unless unlike unload unlock unmount until untrusted up update upgrade upload
    upon upper urgent url us usage use useful user usual vacuum valid validation value variable various vendor verify
    version very via view visible visit visual void voltage volume vote wait wake walk want warm warn warning was
    watchdog way we weak web week weight well were what whatever wheel when where whether which while white who whole
    whom whose why wide wild will win window wipe wire wise wish with within without wonder wood word work worker
    workspace world worse worst worth would wrap write writer wrong year yes yesterday yet yield you young your zero
    zone
    """
)
"""Words that are no names."""
