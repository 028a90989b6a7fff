frappe.provide("frappe.dashboards.chart_sources");

frappe.dashboards.chart_sources["Baken Alerts per day"] = {
	method: "baken.frappe_host.desk.alerts_per_day",
	filters: [],
};
