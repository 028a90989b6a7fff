frappe.provide("frappe.dashboards.chart_sources");

frappe.dashboards.chart_sources["Baken Errors per hour"] = {
	method: "baken.frappe_host.desk.errors_per_hour",
	filters: [],
};
