"""Host 2: Baken inside a Frappe site. The same methods, the page, the scheduler's work, and the DocTypes of the Desk.

Nothing here raises into the site's own work, and nothing is imported that a bench does not have.
"""
