//! Assumptions about pauses. They are why every new assignment is paused or resumed again, each partition by name.

use rdkafka::consumer::Consumer;

use crate::plain::{join, poll_records, poll_until};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_a_revoke_and_a_new_assignment_until_it_is_resumed_by_name() {
    let world = World::new(2).await;
    let one = join(&world.group(), &[]);
    poll_until("one holds both", &[&one], || one.context().held() == [0, 1]);
    one.pause(&world.names(&[0, 1])).unwrap();
    let two = join(&world.group(), &[]);
    poll_until("each holds one", &[&one, &two], || one.context().held().len() == 1 && two.context().held().len() == 1);
    let (kept, moved) = (one.context().held()[0], two.context().held()[0]);
    drop(two);
    poll_until("one holds both again", &[&one], || one.context().held() == [0, 1]);

    one.resume(&world.names(&[kept])).unwrap();
    world.send(moved, 1).await;
    // Twice, so that the second would find whatever the first brings.
    for _ in 0..2 {
        world.send(kept, 1).await;
        let records = poll_records(&one, kept, 1);
        assert!(records.iter().all(|(partition, _)| *partition == kept), "{records:?}");
    }
    one.resume(&world.names(&[moved])).unwrap();
    assert_eq!(poll_records(&one, moved, 1), [(moved, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_back_what_was_fetched_ahead_and_a_resume_skips_and_duplicates_nothing() {
    const RECORDS: i64 = 500;
    let world = World::new(2).await;
    world.send(0, RECORDS as usize).await;
    let one = join(&world.group(), &[]);
    let mut records = poll_records(&one, 0, 1);
    one.pause(&world.names(&[0])).unwrap();
    // Twice, so that the second would find whatever the first brings.
    for _ in 0..2 {
        world.send(1, 1).await;
        let while_paused = poll_records(&one, 1, 1);
        assert!(while_paused.iter().all(|(partition, _)| *partition == 1), "{while_paused:?}");
    }
    one.resume(&world.names(&[0])).unwrap();
    records.extend(poll_records(&one, 0, RECORDS as usize - 1));
    assert_eq!(records, (0..RECORDS).map(|offset| (0, offset)).collect::<Vec<_>>());

    // This shows that records are fetched ahead: they still come when the broker no longer has them.
    world.send(0, RECORDS as usize).await;
    assert_eq!(poll_records(&one, 0, 1), [(0, RECORDS)]);
    world.delete_before(0, 2 * RECORDS).await;
    assert_eq!(poll_records(&one, 0, 1), [(0, RECORDS + 1)]);
}
