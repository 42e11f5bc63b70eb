"""Agents: the tool loop, conversations, system prompts, and the offline agent."""
