"""What is remembered: samples, sums, the present of each site, people's sessions and the audit trail."""
