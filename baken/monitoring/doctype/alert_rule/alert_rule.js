// What of a rule can be changed depends on the rule: the form follows.

frappe.ui.form.on("Alert Rule", {
	refresh(frm) {
		const { doc } = frm;
		if (frm.is_new()) {
			frm.set_intro(__("A rule of your own fires when a figure is beyond a limit."));
			return;
		}
		if (!doc.may_change) {
			frm.disable_form();
			frm.set_intro(frappe.utils.escape_html(doc.why_not), "blue");
			return;
		}
		if (doc.problem) frm.set_intro(frappe.utils.escape_html(doc.problem), "red");
		if (doc.own || !doc.changed_keys) return;
		frm.add_custom_button(__("Put back"), () => {
			frappe.confirm(__("Let this rule be again as it was before it was changed here?"), () => {
				frappe
					.xcall("baken.monitoring.doctype.alert_rule.alert_rule.put_back", { rule: doc.name })
					.then(() => frm.reload_doc());
			});
		});
	},
});
