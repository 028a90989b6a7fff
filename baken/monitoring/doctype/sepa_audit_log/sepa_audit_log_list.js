frappe.listview_settings["SEPA Audit Log"] = {
	add_fields: ["compliance_status"],
	hide_name_column: true,

	get_indicator(doc) {
		const colour = { Compliant: "green", Exception: "orange", Failed: "red", "Pending Review": "blue" };
		return [
			__(doc.compliance_status),
			colour[doc.compliance_status],
			`compliance_status,=,${doc.compliance_status}`,
		];
	},
};
