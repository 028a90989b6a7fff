frappe.listview_settings["Alert Rule"] = {
	add_fields: ["severity", "enabled", "state", "problem", "changed_keys"],
	hide_name_column: true,

	get_indicator(doc) {
		if (doc.problem) return [__("Cannot be used"), "red", "problem,is,set"];
		const colour = {
			firing: "red",
			pending: "orange",
			recovering: "orange",
			closed: "orange",
			unknown: "yellow",
			ok: "green",
		}[doc.state];
		const said = {
			firing: __("Fires"),
			pending: __("Holds, not long enough"),
			recovering: __("Recovers"),
			closed: __("Resolved by hand"),
			unknown: __("Cannot be judged"),
			ok: __("All right"),
			off: __("Switched off"),
			"not applicable": __("Not applicable"),
		}[doc.state];
		return [said || __(doc.state), colour || "gray", `state,=,${doc.state}`];
	},

	formatters: {
		severity(value) {
			const colour = { CRITICAL: "red", HIGH: "orange", MEDIUM: "yellow", LOW: "blue" }[value] || "gray";
			return `<span class="indicator-pill no-indicator-dot ${colour}">${__(value)}</span>`;
		},
	},

	onload(listview) {
		listview.page.add_inner_button(__("Open dashboard"), () => window.open("/monitoring_dashboard/settings"));
	},
};
