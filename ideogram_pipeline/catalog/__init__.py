"""The catalog: who (characters) and what (prompts), read and checked before anything is paid."""
