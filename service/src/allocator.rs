//! The allocator of every program here. A post on its way to Kafka takes some twenty small allocations and five that
//! grow: a quarter of the producer's instructions with the system's allocator, 8 % with this one.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
