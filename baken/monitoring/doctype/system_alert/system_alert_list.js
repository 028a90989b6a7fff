// Colours of severities and states; acknowledging and resolving several at once.

frappe.provide("baken.desk");

baken.desk.severity_colour = { CRITICAL: "red", HIGH: "orange", MEDIUM: "yellow", LOW: "blue" };

/** Ask for a note, carry the act out on these documents, and say what was refused. */
baken.desk.change_alerts = (names, act, done) => {
	const said = {
		acknowledge: { title: __("Acknowledge"), done: __("{0} acknowledged"), hint: __("You look after it: it climbs no further.") },
		resolve: { title: __("Resolve"), done: __("{0} resolved"), hint: __("It is over. What still holds comes back as a new message.") },
		reopen: { title: __("Open again"), done: __("{0} opened again"), hint: __("It is not over after all.") },
	}[act];
	const title = names.length > 1 ? `${said.title} (${names.length})` : said.title;
	frappe.prompt(
		[{ fieldname: "note", fieldtype: "Small Text", label: __("Note"), description: said.hint }],
		({ note }) => {
			frappe.call({
				method: "baken.frappe_host.desk.change_alerts",
				args: { names: JSON.stringify(names), act, note: note || "" },
				freeze: true,
				callback({ message }) {
					const { changed, refused } = message;
					if (changed.length) {
						const what = changed.length > 1 ? __("{0} alerts", [changed.length]) : __("Alert");
						frappe.show_alert({ message: said.done.replace("{0}", what), indicator: "green" });
					}
					if (refused.length) {
						frappe.msgprint({
							title: __("Not possible"),
							indicator: "orange",
							message: refused
								.map((each) => `<b>${frappe.utils.escape_html(each.name)}</b>: ${each.reason}`)
								.join("<br>"),
						});
					}
					done(message);
				},
			});
		},
		title,
		said.title
	);
};

frappe.listview_settings["System Alert"] = {
	add_fields: ["severity", "status", "baken_alert", "baken_name", "source"],
	filters: [["status", "!=", "Resolved"]],
	hide_name_column: true,

	get_indicator(doc) {
		const colour = { Active: "red", Acknowledged: "orange", Resolved: "green" }[doc.status];
		return [__(doc.status), colour, `status,=,${doc.status}`];
	},

	formatters: {
		severity(value) {
			const colour = baken.desk.severity_colour[value] || "gray";
			return `<span class="indicator-pill no-indicator-dot ${colour}">${__(value)}</span>`;
		},
		// The seconds have no room in the column, and tell nothing.
		timestamp(value) {
			return frappe.format(value, { fieldtype: "Datetime" }).replace(/(\d\d:\d\d):\d\d/, "$1");
		},
	},

	onload(listview) {
		const act = (name) => {
			baken.desk.change_alerts(listview.get_checked_items(true), name, () => {
				listview.clear_checked_items();
				listview.refresh();
			});
		};
		listview.page.add_actions_menu_item(__("Acknowledge"), () => act("acknowledge"), false);
		listview.page.add_actions_menu_item(__("Resolve"), () => act("resolve"), false);
		listview.page.add_inner_button(__("Open dashboard"), () => window.open("/monitoring_dashboard/alerts"));
	},
};
