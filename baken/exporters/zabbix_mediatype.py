"""The media type for Zabbix that reports its problems to Baken: a webhook, as a file to import.

https://www.zabbix.com/documentation/6.0/en/manual/config/notifications/media/webhook; 7.0 reads the same.
"""

from typing import Any

from baken.exporters.zabbix_rules import TAG

NAME = "Baken"
METHOD = "verenigingen.monitoring.zabbix_integration.zabbix_webhook_receiver"

PARAMETERS = {
    "baken_url": "{$BAKEN.URL}",
    "baken_secret": "{$BAKEN.SECRET}",
    "zabbix_url": "{$ZABBIX.URL}",
    "event_source": "{EVENT.SOURCE}",
    "event_id": "{EVENT.ID}",
    "event_value": "{EVENT.VALUE}",
    "update_status": "{EVENT.UPDATE.STATUS}",
    "update_action": "{EVENT.UPDATE.ACTION}",
    "update_message": "{EVENT.UPDATE.MESSAGE}",
    "name": "{EVENT.NAME}",
    "severity": "{EVENT.NSEVERITY}",
    "age": "{EVENT.AGE}",
    "opdata": "{EVENT.OPDATA}",
    "tags": "{EVENT.TAGSJSON}",
    "host": "{HOST.HOST}",
    "trigger_id": "{TRIGGER.ID}",
    "trigger_text": "{TRIGGER.DESCRIPTION}",
}
"""What Zabbix puts in, by the name under which the script gets it."""

_SCRIPT = """\
// Reports a problem, its end, or what somebody did about it, to Baken.
var params = JSON.parse(value);

if (params.event_source !== '0') {
    return 'Baken takes problems of triggers only';
}
if (!/^https?:\\/\\/./.test(params.baken_url)) {
    throw 'set the global macro {$BAKEN.URL} to the address of Baken';
}
if (!params.baken_secret || params.baken_secret.charAt(0) === '{') {
    throw 'set the global macro {$BAKEN.SECRET} to what incoming.zabbix_token says in the settings of Baken';
}

var tags = [];
try {
    tags = JSON.parse(params.tags);
} catch (error) {
    Zabbix.log(4, '[Baken] no tags: ' + error);
}
for (var i = 0; i < tags.length; i++) {
    if (tags[i].tag === '@TAG@') {
        return 'Baken has told Zabbix of this itself';
    }
}

function known(text) {
    // A macro that has no value stays as it is written.
    return !text || /^\\{[A-Z.]+\\}$/.test(text) || text === '*UNKNOWN*' ? '' : String(text);
}

var body = {secret: params.baken_secret};
var names = @NAMES@;
for (var n = 0; n < names.length; n++) {
    body[names[n]] = known(params[names[n]]);
}
if (/^https?:\\/\\/./.test(params.zabbix_url)) {
    body.link = params.zabbix_url.replace(/\\/+$/, '') + '/tr_events.php?triggerid=' + body.trigger_id +
        '&eventid=' + body.event_id;
}

var request = new HttpRequest();
request.addHeader('Content-Type: application/json');
request.addHeader('Accept: application/json');
var answer = request.post(
    params.baken_url.replace(/\\/+$/, '') + '/api/method/@METHOD@',
    JSON.stringify(body)
);
if (request.getStatus() !== 200) {
    var said = '';
    try {
        said = ': ' + JSON.parse(answer).exception;
    } catch (error) {
        said = '';
    }
    throw 'Baken answered ' + request.getStatus() + said;
}
return JSON.stringify({tags: {}});
"""


def script() -> str:
    """The webhook's JavaScript, which gets PARAMETERS as JSON in `value`."""
    kept = ("baken_url", "baken_secret", "zabbix_url", "event_source")
    names = ", ".join(f"'{name}'" for name in PARAMETERS if name not in kept)
    return _SCRIPT.replace("@TAG@", TAG).replace("@NAMES@", f"[{names}]").replace("@METHOD@", METHOD)


def document(version: str) -> dict[str, Any]:
    """The export of the media type for a version of Zabbix."""
    said = {
        "PROBLEM": ("{EVENT.NAME}", "{EVENT.OPDATA}"),
        "RECOVERY": ("Resolved: {EVENT.NAME}", "{EVENT.OPDATA}"),
        "UPDATE": ("{EVENT.NAME}", "{EVENT.UPDATE.ACTION}: {EVENT.UPDATE.MESSAGE}"),
    }
    return {
        "zabbix_export": {
            "version": version,
            "media_types": [
                {
                    "name": NAME,
                    "type": "WEBHOOK",
                    "parameters": [{"name": name, "value": value} for name, value in sorted(PARAMETERS.items())],
                    "max_sessions": "0",
                    # One after the other and again and again: a restart of Baken loses nothing.
                    "attempts": "10",
                    "attempt_interval": "30s",
                    "timeout": "10s",
                    "script": script(),
                    "description": "Problems of Zabbix become alerts of Baken, and their end resolves them. Set the "
                    "global macros {$BAKEN.URL} and {$BAKEN.SECRET}; {$ZABBIX.URL} makes links back.",
                    "message_templates": [
                        {"event_source": "TRIGGERS", "operation_mode": mode, "subject": subject, "message": message}
                        for mode, (subject, message) in said.items()
                    ],
                }
            ],
        }
    }
