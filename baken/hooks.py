"""What Frappe has to know of Baken. Read by every process of the site: it imports nothing of Baken's rooms."""

from baken.frappe_host.names import METHODS as _METHODS

app_name = "baken"
app_title = "Baken"
app_publisher = "Baken contributors"
app_description = "Watches over the association's site: errors, payments, SEPA, and the machine"
app_license = "MIT"
app_icon = "octicon octicon-broadcast"
app_color = "#0b5fa5"
app_email = "baken@example.org"

override_whitelisted_methods = _METHODS

scheduler_events = {
    "cron": {"* * * * *": ["baken.frappe_host.tasks.collect"]},
    "hourly": ["baken.frappe_host.tasks.hourly"],
    "daily": ["baken.frappe_host.tasks.daily"],
}

doc_events = {"Error Log": {"after_insert": "baken.frappe_host.events.error_logged"}}
after_request = ["baken.frappe_host.events.request_ended"]

page_renderer = ["baken.frappe_host.page.DashboardPage"]

add_to_apps_screen = [
    {
        "name": app_name,
        "logo": "/assets/baken/favicon.svg",
        "title": app_title,
        "route": "/monitoring_dashboard",
        "has_permission": "baken.frappe_host.page.is_listed",
    }
]

before_install = "baken.frappe_host.install.before_install"
after_install = "baken.frappe_host.install.after_install"
after_app_install = "baken.frappe_host.install.after_app_install"
after_migrate = "baken.frappe_host.install.after_migrate"
before_uninstall = "baken.frappe_host.install.before_uninstall"
after_uninstall = "baken.frappe_host.install.after_uninstall"
