/** What the page about members and payments shows: for a board and its treasurer. */
import type { Section } from '../../areas/area'
import { t, word } from '../../i18n'

const one = (metric: string, labels?: Record<string, string>, title?: string) => ({ metric, labels, title })

export function sections(): Section[] {
  return [
    {
      id: 'members',
      title: t('members.members'),
      lead: t('members.membersLead'),
      icon: 'people',
      figures: [
        { metric: 'association_members', labels: { status: 'Active' }, title: t('members.active') },
        { metric: 'association_members_new', labels: { window: 'month' }, title: t('members.joined') },
        { metric: 'association_members_left', labels: { window: 'month' }, title: t('members.left') },
        { metric: 'association_members_net_growth', labels: { window: 'month' }, title: t('members.net') },
        { metric: 'association_members_without_customer' },
        { metric: 'association_volunteers', labels: { status: 'Active' }, title: t('members.volunteers') },
      ],
      charts: [
        { title: t('members.chart.active'), metrics: [one('association_members', { status: 'Active' })] },
        { title: t('members.chart.moves'), metrics: [one('association_members_new', { window: 'month' }, t('members.joinedShort')), one('association_members_left', { window: 'month' }, t('members.leftShort'))] },
        { title: t('members.chart.others'), metrics: ['Pending', 'Suspended', 'Expired', 'Terminated'].map((status) => one('association_members', { status }, word(status))) },
        { title: t('members.chart.volunteers'), metrics: [one('association_volunteers')], kind: 'stack' },
      ],
    },
    {
      id: 'applications',
      title: t('members.applications'),
      lead: t('members.applicationsLead'),
      icon: 'note',
      figures: [
        { metric: 'association_applications', labels: { status: 'Pending' }, title: t('members.applied') },
        { metric: 'association_applications', labels: { status: 'Under Review' }, title: t('members.underReview') },
        { metric: 'association_applications', labels: { status: 'Payment Pending' }, title: t('members.waitPayment') },
        { metric: 'association_applications_stalled', title: t('members.stalled') },
        { metric: 'association_application_median_days' },
      ],
      charts: [
        { title: t('members.chart.applications'), metrics: ['Pending', 'Under Review', 'Payment Pending'].map((status) => one('association_applications', { status }, word(status))) },
        { title: t('members.chart.wait'), metrics: [one('association_application_median_days')] },
        { title: t('members.chart.stalled'), metrics: [one('association_applications_stalled')], kind: 'area' },
      ],
    },
    {
      id: 'dues',
      title: t('members.dues'),
      lead: t('members.duesLead'),
      icon: 'repeat',
      figures: [
        { metric: 'association_dues_schedules', labels: { status: 'Active' }, title: t('members.schedules') },
        { metric: 'association_dues_schedules_stuck' },
        { metric: 'association_dues_schedules', labels: { status: 'Paused' }, title: t('members.paused') },
      ],
      charts: [
        { title: t('members.chart.stuck'), metrics: [one('association_dues_schedules_stuck')], kind: 'area' },
        { title: t('members.chart.schedules'), metrics: [one('association_dues_schedules', { status: 'Active' }, word('Active'))] },
      ],
    },
    {
      id: 'invoices',
      title: t('members.invoices'),
      lead: t('members.invoicesLead'),
      icon: 'report',
      figures: [
        { metric: 'erpnext_outstanding_amount', title: t('members.outstanding') },
        { metric: 'erpnext_overdue_amount', title: t('members.overdue') },
        { metric: 'erpnext_invoices', labels: { status: 'Overdue' }, title: t('members.overdueCount') },
        { metric: 'erpnext_invoices', labels: { status: 'Unpaid' }, title: t('members.unpaidCount') },
        { metric: 'erpnext_invoices', labels: { status: 'Draft' }, title: t('members.draftCount') },
        { metric: 'erpnext_invoices', labels: { status: 'Paid' }, title: t('members.paidCount'), of: { metric: 'erpnext_invoices_submitted' } },
      ],
      charts: [
        { title: t('members.chart.money'), metrics: [one('erpnext_outstanding_amount', undefined, t('members.outstanding')), one('erpnext_overdue_amount', undefined, t('members.overdue'))], wide: true },
        { title: t('members.chart.open'), metrics: ['Unpaid', 'Overdue', 'Partly Paid'].map((status) => one('erpnext_invoices', { status }, word(status))) },
        { title: t('members.chart.drafts'), metrics: [one('erpnext_invoices', { status: 'Draft' }, word('Draft'))] },
      ],
    },
    {
      id: 'payments',
      title: t('members.payments'),
      lead: t('members.paymentsLead'),
      icon: 'bank',
      figures: [
        { metric: 'erpnext_payment_success_ratio', title: t('members.success') },
        { metric: 'erpnext_payment_attempts', labels: { result: 'failed' }, title: t('members.failed'), of: { metric: 'erpnext_payment_attempts' } },
        { metric: 'association_payments_without_reference', title: t('members.orphaned') },
        { metric: 'erpnext_payments', labels: { status: 'Draft' }, title: t('members.paymentDrafts') },
        { metric: 'erpnext_transactions_today', labels: { kind: 'payments' }, title: t('members.paymentsToday') },
        { metric: 'erpnext_transactions_today', labels: { kind: 'invoices' }, title: t('members.invoicesToday') },
        { metric: 'erpnext_transactions_today', labels: { kind: 'journal_entries' }, title: t('members.entriesToday') },
      ],
      charts: [
        { title: t('members.chart.success'), metrics: [one('erpnext_payment_success_ratio')] },
        { title: t('members.chart.attempts'), metrics: [one('erpnext_payment_attempts')], kind: 'stack' },
        { title: t('members.chart.today'), metrics: [one('erpnext_transactions_today')], kind: 'stack' },
        { title: t('members.chart.orphaned'), metrics: [one('association_payments_without_reference')], kind: 'area' },
      ],
    },
  ]
}
