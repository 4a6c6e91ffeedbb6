//! What every store promises, as one suite that runs against each of them.
//!
//! The functions in `promises` know a store by its trait alone, and reopen it through
//! [`Home`](home::Home). The macro makes a test of each for each kind of store. What only one
//! kind can show (a failing disk, a locked directory) is tested beside that kind.

mod acts;
mod found;
mod home;
mod promises;
mod records;
mod retention;
mod undecided;

use home::SledHome;

macro_rules! contract {
    ($store:ident, $home:expr, $($topic:ident: [$($promise:ident),* $(,)?]),* $(,)?) => {
        mod $store {
            use super::{SledHome, promises};
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    promises::$topic::$promise(&$home).await;
                }
            )*)*
        }
    };
}

contract!(
    sled,
    SledHome::new(),
    commits: [
        a_commit_is_read_back_whole,
        of_two_hundred_racing_commits_exactly_one_wins,
        the_same_request_is_written_once_and_then_told,
        a_refused_commit_leaves_nothing_behind,
        a_commit_without_an_order_compares_the_version_only,
        what_was_acknowledged_survives_a_drop_without_close,
        a_large_document_comes_back_byte_for_byte,
        a_store_that_was_closed_says_so,
        sixty_four_writers_share_the_syncs,
    ],
    numbers: [
        events_and_callbacks_are_numbered_without_gaps_across_reopening,
        waiting_for_an_event_ends_when_there_is_one,
        work_that_came_while_nobody_waited_is_not_missed,
        what_is_asked_for_is_written_down_in_order_and_survives,
    ],
    lines: [
        callbacks_of_an_order_go_one_at_a_time_and_in_order,
        waiting_previews_close_when_an_outcome_is_committed,
        an_order_takes_sixty_four_previews_and_the_next_once_one_is_gone,
        a_preview_in_flight_that_was_overtaken_is_not_tried_again,
        a_preview_that_nothing_overtook_is_tried_again,
        a_callback_remembers_its_latest_attempts,
        a_callback_that_is_not_in_flight_cannot_be_settled,
        a_follow_up_is_owed_from_the_settlement_on_in_a_line_of_its_own,
        copies_of_an_order_wait_for_each_other_and_an_outcome_closes_none,
        reopening_frees_all_leases_and_keeps_every_line,
    ],
    lanes: [
        a_lane_with_ten_thousand_does_not_delay_the_others,
        a_lane_is_limited_and_a_closed_one_gets_nothing,
        the_oldest_of_a_lane_goes_first,
        subscribers_on_one_host_take_turns,
        holds_stop_sending_and_survive_reopening,
        a_dead_preview_is_not_redriven_after_the_outcome,
        what_would_be_redriven_is_what_is_redriven,
        dead_callbacks_are_redriven_at_the_back_of_their_order,
    ],
    lists: [
        a_timeline_holds_one_session_and_no_other,
        orders_are_listed_in_pages,
        callbacks_are_listed_in_pages_by_state_order_and_subscriber,
    ],
);

#[tokio::test]
async fn sled_keeps_large_values_out_of_blob_files() {
    let home = SledHome::new();
    promises::commits::a_large_document_comes_back_byte_for_byte(&home).await;
    let blobs = std::fs::read_dir(home.path().join("blobs")).expect("reads");
    assert_eq!(blobs.count(), 0, "nothing syncs a blob file");
}
