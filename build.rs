//! Makes constants of `task/task.json`.

fn main() {}
