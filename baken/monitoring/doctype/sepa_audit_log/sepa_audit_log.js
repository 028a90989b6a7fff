// A line of the audit trail is read, not changed.

frappe.ui.form.on("SEPA Audit Log", {
	refresh(frm) {
		if (!frm.is_new()) frm.disable_form();
		const { reference_doctype, reference_name } = frm.doc;
		if (reference_doctype && reference_name) {
			frm.add_custom_button(__("Show {0}", [__(reference_doctype)]), () =>
				frappe.set_route("Form", reference_doctype, reference_name)
			);
		}
	},
});
