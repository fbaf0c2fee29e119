//! A stand-in for the Azure Pipelines agent: it runs one step of one task by the agent's rules.
