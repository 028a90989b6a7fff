frappe.query_reports["Alerts per Rule"] = {
	filters: [
		{
			fieldname: "days",
			label: __("Days"),
			fieldtype: "Int",
			default: 30,
			reqd: 1,
		},
	],

	formatter(value, row, column, data, default_formatter) {
		const absent = value === null || value === undefined || value === "";
		// Nobody has acknowledged, resolved or rated: that is no zero.
		if (data && absent && ["to_acknowledge", "to_resolve", "false_alarms"].includes(column.fieldname)) return "–";
		if (column.fieldname !== "severity" || !data) return default_formatter(value, row, column, data);
		const colour = { CRITICAL: "red", HIGH: "orange", MEDIUM: "yellow", LOW: "blue" }[data.severity] || "gray";
		return `<span class="indicator-pill no-indicator-dot ${colour}">${__(data.severity)}</span>`;
	},
};
