frappe.listview_settings["Silence"] = {
	add_fields: ["state", "kind", "affects"],
	hide_name_column: true,
	filters: [["state", "!=", "ended"]],

	get_indicator(doc) {
		const [said, colour] = {
			active: [__("Holds"), "orange"],
			pending: [__("To come"), "blue"],
			ended: [__("Over"), "gray"],
		}[doc.state] || [__(doc.state), "gray"];
		return [said, colour, `state,=,${doc.state}`];
	},

	button: {
		show: (doc) => doc.state !== "ended",
		get_label: () => __("End"),
		get_description: (doc) => __("End silence {0} now", [doc.name]),
		action(doc) {
			frappe.confirm(__("End silence {0} now? What it holds back is then told.", [doc.name]), () => {
				frappe
					.xcall("baken.monitoring.doctype.silence.silence.end", { name: doc.name })
					.then(() => cur_list && cur_list.refresh());
			});
		},
	},
};
