// The buttons of the settings: the dashboard, a test message, and whether everything works.

frappe.ui.form.on("Baken Settings", {
	refresh(frm) {
		frm.add_custom_button(__("Open dashboard"), () => window.open("/monitoring_dashboard"));
		frm.add_custom_button(__("Send a test message"), () => test(frm));
		frm.add_custom_button(__("Check"), () => check(frm));
		const onload = frm.doc.__onload || {};
		frm.set_intro(onload.problem || "", "red");
		frm.set_df_property("precedence", "options", precedence(onload.given || []));
	},
});

const escape = (text) => frappe.utils.escape_html(String(text));

function precedence(given) {
	const listed = given.map((name) => `<code>${escape(name)}</code>`).join(", ");
	const now = given.length
		? `<p>${__("There are now: {0}", [listed])}</p>`
		: `<p>${__("At present there is none.")}</p>`;
	const rule = __(
		"What the object {0} in the site's site_config.json says wins over this page: it belongs to whoever runs the machine.",
		["<code>baken</code>"]
	);
	const keys = __("It has the same keys as baken.toml, such as {0}.", [
		'<code>"baken": {"alerts": {"night": "23:00-06:00"}}</code>',
	]);
	return `<p>${rule} ${keys}</p>${now}`;
}

function mark(ok) {
	if (ok === null) return `<span class="indicator-pill gray">${__("Not known")}</span>`;
	return ok
		? `<span class="indicator-pill green">${__("Works")}</span>`
		: `<span class="indicator-pill red">${__("Does not work")}</span>`;
}

function table(rows) {
	const lines = rows.map(([what, ok, text]) => `<tr><td>${what}</td><td class="text-nowrap">${mark(ok)}</td><td>${text}</td></tr>`);
	return `<table class="table table-bordered"><tbody>${lines.join("")}</tbody></table>`;
}

function saved(frm, run) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Save the settings first: what is tried out is what was saved."));
		return;
	}
	run();
}

function test(frm) {
	saved(frm, () => {
		frappe.confirm(__("Everybody who is told about alerts of this site gets a test message. Send it?"), () => {
			frappe.call({
				method: "baken.test_monitoring_system",
				type: "POST",
				freeze: true,
				freeze_message: __("Waiting for the answer, up to 15 seconds"),
				callback({ message }) {
					frappe.msgprint({
						title: __("Send a test message"),
						indicator: message.status === "success" ? "green" : "orange",
						wide: true,
						message:
							`<p>${escape(message.message)}</p>` +
							table(message.hops.map((hop) => [escape(hop.hop), hop.ok, escape(hop.detail)])),
					});
				},
			});
		});
	});
}

function check(frm) {
	saved(frm, () => {
		frappe.call({
			method: "baken.frappe_host.desk.check_settings",
			freeze: true,
			callback({ message }) {
				frappe.msgprint({
					title: __("Check"),
					indicator: message.some((each) => each.ok === false) ? "orange" : "green",
					wide: true,
					message: table(message.map((each) => [escape(each.what), each.ok, escape(each.text)])),
				});
			},
		});
	});
}
