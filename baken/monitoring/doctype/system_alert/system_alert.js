// Buttons for what one does about an alert, and the way to it on the dashboard.

frappe.ui.form.on("System Alert", {
	refresh(frm) {
		if (frm.is_new()) return;
		const { doc } = frm;
		const act = (name) => () => baken.desk.change_alerts([doc.name], name, () => frm.reload_doc());
		const may = frm.perm[0] && frm.perm[0].write;
		if (may && doc.status === "Active") {
			frm.add_custom_button(__("Acknowledge"), act("acknowledge")).addClass("btn-primary");
		}
		if (may && doc.status !== "Resolved") frm.add_custom_button(__("Resolve"), act("resolve"));
		if (may && doc.status === "Resolved") frm.add_custom_button(__("Open again"), act("reopen"));
		if (doc.baken_alert) {
			frm.add_custom_button(__("Show on the dashboard"), () =>
				window.open(`/monitoring_dashboard/alerts/${doc.baken_alert}`)
			);
			frm.set_df_property(
				"baken_name",
				"description",
				`<a href="/monitoring_dashboard/alerts/${doc.baken_alert}" target="_blank">${__(
					"Its whole trail is on the dashboard"
				)}</a>`
			);
		}
	},
});
