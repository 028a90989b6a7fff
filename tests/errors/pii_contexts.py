"""Texts that personal data and credentials stand in: {v} is the value, {h} a harmless one beside it.

In NAMED each {…} is a credential: p a password, u one that fits a URL, h15 fifteen hexadecimal digits, m30 thirty
letters and digits. Rules were not tuned on what is called HELD.
"""

NAMED = (
    "password={p}", "wachtwoord: {p}", '"password": "{p}"', "'pwd': '{p}'", "db_password={p}", '"db_password": "{p}",',
    "'api_secret': '{h15}'", "api_key={h15}", "'api_key': '{h15}', 'api_secret': '{h15}'", '"encryption_key": "{m44}"',
    "stripe_secret_key='{m24}'", "Authorization: Bearer {m30}", "Authorization: Basic {b64}",
    "'Authorization': 'token {h15}:{h15}'", '"Authorization": "Basic {b64}"',
    "authorization: Digest username=\"x\", nonce=\"{m24}\", response=\"{h32}\"", "Authorization: ApiKey {m30}",
    "{{'Authorization': 'Bearer {m30}'}}", "headers={{\"Authorization\": \"Bearer {m30}\"}}",
    "_dict(stripe_secret_key='{m24}', x=1)", "Cookie: sid={h56}; system_user=yes; user_id=x",
    "Set-Cookie: sid={h56}; Path=/; HttpOnly", "X-Frappe-CSRF-Token: {h56}", "csrf_token={h56}",
    'frappe.csrf_token = "{h56}"', "sid={h56}", "'sid': '{h56}'", "redis://:{u}@127.0.0.1:6379/0",
    "mysql://frappe:{u}@db:3306/site", "postgresql+psycopg2://u:{u}@db/x", "https://user:{u}@git.example/x.git",
    "amqp://guest:{u}@mq:5672//", "Server=db;Uid=sa;Pwd={u};Database=x", "host=db user=x password={u} dbname=y",
    "mysql -u root -p{u} site", "mysqldump -h db -u x -p{u} --single-transaction", "--password {u}",
    "--password={u} --x", "--db-root-password {u}", "--token {m30}", "--api-key {m30}", "export DB_PASSWORD={u}",
    "MYSQL_ROOT_PASSWORD={u}", "PGPASSWORD={u} psql", "AWS_SECRET_ACCESS_KEY={m40}",
    "https://x.example/update-password?key={m32}", "/update-password?key={h32}&password_expired=true",
    "?token={m30}&x=1", "&access_token={m30}", "/api/method/x?api_key={h15}&api_secret={h15}",
    "curl -u admin:{u} https://x.example", "X-Api-Key: {m30}", "X-Auth-Token: {m30}",
    "AccountKey={m44}==;EndpointSuffix=core.windows.net", "SharedAccessKey={m44}=", "sv=2022&sig={m44}%3D",
    "client_secret={m30}", "refresh_token: {m40}", "UPDATE tabUser SET api_secret = '{h15}' WHERE name = 1",
    "`password` = '{p}'", "IDENTIFIED BY '{u}'", "auth=('api', '{u}')", "auth = (\"x\", \"{u}\")",
    "(b'authorization', b'Bearer {m30}')", "('password', '{u}')", "<password>{u}</password>",
    "<SecurityCode1>{u}</SecurityCode1>", 'password => "{u}"', '\\"password\\": \\"{u}\\", \\"x\\": 1',
    "smtp_pass: {u}", "the password is {u}", "met wachtwoord {u}", "token {m30} is expired", "Invalid token: {m30}",
    "API key {m30} not recognised", "otp: {d6}", "passphrase = {u}", "private_key: {m44}", "redis-cli -a {u} ping",
    "zabbix token={h64}", '"auth": "{h32}", "id": 1', "secret_key = b'{m32}'", "session_id={h32}",
    "webhook_secret: {m24}", "password_reset_token={m32}", "reset_password_key='{h32}'",
)  # fmt: skip
NAMED_HELD = (
    "smtp_password: {p}", "'new_password': '{p}'", "pw={u}", "Password [{u}] rejected", "userPassword={u}",
    "&quot;password&quot;: &quot;{u}&quot;", "%22password%22%3A%22{u}%22",
    "{{'headers': {{'authorization': 'Bearer {m30}', 'accept': '*/*'}}}}", "Proxy-Authorization: Basic {b64}",
    "mongodb+srv://app:{u}@cluster0.mongo.example/db", "MARIADB_PASSWORD: {u}", "ENV SECRET_KEY {m40}",
    "--admin-password '{u}'", "-H 'X-Api-Key: {m30}'", "GET /confirm?hash={h40} HTTP/1.1", "sshpass -p {u} ssh x",
    "mollie_api_key: {m30}", "Token {h40}", "login_token='{m30}'", "user.api_secret = \"{h15}\"",
    "\"secret\":\"{m24}\"", "wachtwoord is {u}", "Cookie: full_name=x; sid={h56}",
    "kwargs = {{'new_password': '{u}', 'logout_all_sessions': 1}}", "https://oauth2:{u}@gitlab.example/a/b.git",
    "https://x.example/reset-password/{m32}", "Password: {u}", "imap://box:{u}@mail.example:993",
    "encryption_key = {m43}=", "client_secret%3D{m30}", "ApiKey: {m30}",
    "'access_token': '{m40}', 'token_type': 'Bearer'", "password: '{u}'\n", "DB_PASS={u}", "auth_token={h32}",
    "Signature: {h64}",
)  # fmt: skip
GENERAL = (
    "{v}", "value {v} is not valid", "Error while sending to {v} for {h}", "{h}: cannot process {v}",
    '{{"value": "{v}", "doc": "{h}"}}', "{{'x': '{v}', 'name': '{h}'}}", "('{v}', '{h}', 1)",
    "VALUES ('{h}', '{v}', NULL)", "a;{v};{h};b", '"{h}","{v}","x"', "<td>{v}</td><td>{h}</td>",
    "<b>{v}</b> heeft {h} niet betaald", "[{v}] {h}", "Nov 22 17:55:31 web1 app[1234]: rejected {v} ({h})",
    "2026-11-22 17:55:31,441 ERROR worker {h} - invalid input {v}", "kwargs = {{'arg': '{v}', 'doc': '{h}'}}",
    "f({v!r}) -> {h}", "x=\"{v}\" y={h}", "Duplicate entry '{v}' for key 'value' in {h}",
    "De waarde {v} van {h} klopt niet.", "Could not find {v} in {h}", "{v}\n{h}", "\t{v}\t{h}\t", "{h} | {v} | ok",
    "to: {v}, ref: {h}", "Result({v})", "– {v} – {h}", "b'{v}' {h}", "\\n{v}\\n{h}", "msg='{v}: {h}'",
    "data={v};ref={h}", "({v})", "“{v}” / {h}", "'{v}'", "Row #3: {v} ({h})",
)  # fmt: skip
GENERAL_HELD = (
    "frappe.throw(_('Ongeldig: {v}')) {h}", "Unexpected value: {v}; skipped {h}", "item {h} → {v}",
    "<Row(id=7, value='{v}', doc='{h}')>", "[\"{v}\", \"{h}\"]", "level=error msg=\"bad input {v}\" doc={h}",
    "SELECT * FROM t WHERE a = '{v}' AND b = '{h}'", "Bij {h} hoort {v}.", "<li>{v}</li> {h}",
    "17:55:31 | {h} | {v} | NOK", "params: ['{h}', '{v}']", "WARN [{h}] got {v}, expected something else",
    "Geen resultaat voor {v}, zie {h}", "{v}; {h}", "*{v}* in {h}",
)  # fmt: skip
FOR_KIND = {
    "email": (
        "mailto:{v}", "RCPT TO:<{v}>", "user={v} {h}", "for {v}: {h}", "owner: {v}", "{v};{v}",
        "https://x.example/?user={url}&d=1", "html {htm}", "qp {qp}", "json {js}", "User {v} not found",
    ),
    "iban": (
        "iban: {v}", "IBAN {v}, BIC RABONL2U", "IBAN={v}", "rekening {v} van {h}", "'iban': '{v}'", ":25:{v}",
        "<IBAN>{v}</IBAN>", "?iban={url}", "naar {v} overgemaakt {h}", "{v} {v}", "iban:\n  {v}",
    ),
    "phone": (
        "tel: {v}", "phone={v}", "'mobile_no': '{v}'", "tel:{v}", "bel {v} voor {h}", "SMS to {v} failed: {h}",
        "?phone={url}", "Tel. {v}", "contact_number: {v}", "json {js}", "☎ {v}",
    ),
    "bsn": (
        "BSN {v}", "bsn: {v}", "'bsn': '{v}'", "burgerservicenummer {v} van {h}", "bsn={v}&x=1", "<bsn>{v}</bsn>",
        "BSN: {v}, ref {h}", "member_bsn={v}", "BSN-nummer: {v}",
    ),
    "name": (
        "full_name={v}", "'member_name': '{v}'", "<Member: {v}>", "Customer: {v}", "Dear {v},", "Beste {v},",
        "for member {v}: {h}", "van lid {v}", "namens {v}", "mevr. {v}", "Geachte heer {v},", "owner = '{v}'",
        "{v} heeft opgezegd", "Member {v} ({h}) has no mandate", "User {v} logged in", "betaling van {v} mislukt",
        "?full_name={url}", "first_name: {v}", "\"modified_by\": \"{v}\"", "<Customer: {v}>", "Dhr. {v} belde",
        "account holder {v}", "voor {v} is {h} gemaakt", "Payment by {v} failed",
    ),
}  # fmt: skip
FOR_KIND_HELD = {
    "email": (
        "From: {v} ({h})", "<{v}>", "email={url}", "Invalid recipients: [{v}]", "E-mailadres {v} bestaat al",
        "{v}: 550 5.1.1 unknown", "json {js}", "html {htm}",
    ),
    "iban": (
        "Invalid IBAN: {v}", "iban_number='{v}'", "IBAN ({v})", "van {v} naar {h}", "debtor_iban\": \"{v}\"",
        "rek.nr. {v}",
    ),
    "phone": (
        "Telefoonnummer {v} is ongeldig", "mobile: {v}", "call from {v}", "nr {v};", "\"phone\": \"{v}\"",
        "to {v}: {h}",
    ),
    "bsn": (
        "Ongeldig BSN {v}", "\"bsn\":\"{v}\"", "bsn_nr={v}", "sofinummer: {v}", "BSN van lid is {v}",
    ),
    "name": (
        "customer_name: {v}", "Hello {v},", "Lid {v} bestaat niet", "with {v} about {h}", "contact_person='{v}'",
        "Could not find Member: {v}", "by user {v}", "mw. {v}", "door {v} gewijzigd", "\"voornaam\": \"{v}\"",
        "<User: {v}>", "Volunteer {v} has {h}", "Hi {v}!",
    ),
}  # fmt: skip
TRACE = (
    "Traceback with variables (most recent call last):\n"
    '  File "apps/verenigingen/verenigingen/utils/payments.py", line 48, in pay\n    self.check(member)\n'
    "      self = <Payments object at 0x7f856b69a263>\n      member = '{v}'\n      rows = [\n  {v}\n]\n"
    '  File "apps/frappe/frappe/model/document.py", line 301, in check\n    frappe.throw(message)\n'
    '      message = "{v}"\n'
    "frappe.exceptions.ValidationError: {m}"
)
