//! Approvals: changes that one person does not make alone.

mod api;
mod view;

pub use api::{
    ApprovalCard, ApprovalLine, ApprovalList, Change, DecideApproval, ListApprovals, ReadApproval, WithdrawApproval,
};
pub use view::{ApprovalPage, ApprovalsPage, approval_view, approvals_view};
