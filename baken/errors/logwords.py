"""Words by which log lines of any system are read."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BOOLEANS = _words("true false True False TRUE FALSE")
KEPT = _words(
    """
    ext2 ext3 ext4 ipv4 ipv6 ip4 ip6 sha1 sha256 sha512 md5 ssh1 ssh2 http2 h2 utf8 utf-8 x86 x86_64 x86-64 i386 amd64
    arm64 oauth2 s3 base64 l1 l2 l3 l4 k8s log4j slf4j usb2 usb3 p2p socks4 socks5 tls1 sslv3 pop3 imap4 ipv4/ipv6
    utf16 iso8859 crc32 mp3 mp4 h264 ec2 v8 db2 python2 python3 php5 php7 php8 sqlite3 postgres9 win32 win64 int32 int64
    uint32 uint64 float32 float64 i18n l10n e2e b2b 2fa mt940
    """
)
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
NOT_USERS = _words("unknown is was has not name id ids does not authentication request from to in for and or by on at")
UNITS = "[KMGTP]?i?B|[kmgtp]b|[Bb]ytes?|[munµ]?s|msecs?|secs?|seconds?|milliseconds?|minutes?|mins?|hours?|hrs?|days?"
CLASS_ROOTS = _words("com org net io java javax jdk sun android edu gov de nl")
PACKAGE_ROOTS = _words("com org net io edu")
TOP_DOMAINS = _words(
    """
    com net org edu gov mil info biz io dev local localdomain lan internal nl de be fr uk eu us cn hk tw jp kr in br ru
    pl it es se no fi dk ch at au ca mx ar za tr ro cz hu gr pt ie il test example
    """
)
EXTENSIONS = _words(
    """
    log conf cfg ini json xml yml yaml txt properties gz zip tar tgz bz2 csv pdf html htm js css php py rb java c h cpp
    cc go rs so dll exe sys jar war service socket target timer mount pid sock db sql bak tmp lock pem crt key png
    """
)
LEVELS = {
    "trace": "trace", "verbose": "trace", "finest": "trace", "finer": "trace", "fine": "debug", "dbg": "debug",
    "debug": "debug", "debug1": "debug", "debug2": "debug", "debug3": "debug", "config": "info", "info": "info",
    "information": "info", "log": "info", "note": "info", "notice": "info", "statement": "info", "detail": "info",
    "hint": "info", "system": "info", "warn": "warning", "warning": "warning", "err": "error", "eror": "error",
    "erro": "error", "error": "error", "severe": "error", "failure": "error", "crit": "critical",
    "critical": "critical", "alert": "critical", "emerg": "critical", "emergency": "critical", "fatal": "critical",
    "panic": "critical",
}  # fmt: skip
