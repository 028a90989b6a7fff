// A silence is made and ended, not changed.

frappe.ui.form.on("Silence", {
	onload(frm) {
		if (frm.is_new() && !frm.doc.ends && frm.doc.kind !== "maintenance") {
			// By the site's clock, as the field keeps it.
			const ends = moment(frappe.datetime.now_datetime()).add(2, "hours");
			frm.set_value("ends", frappe.datetime.get_datetime_as_string(ends));
		}
	},

	kind(frm) {
		if (frm.is_new() && frm.doc.kind === "maintenance") frm.set_value("ends", null);
	},

	refresh(frm) {
		if (frm.is_new()) return;
		frm.disable_save();
		if (frm.doc.state === "ended") return;
		frm.add_custom_button(__("End now"), () => {
			frappe.confirm(__("End silence {0} now? What it holds back is then told.", [frm.doc.name]), () => {
				frappe
					.xcall("baken.monitoring.doctype.silence.silence.end", { name: frm.doc.name })
					.then(() => frm.reload_doc());
			});
		}).addClass("btn-primary");
	},
});
