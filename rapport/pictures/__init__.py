"""Pictures of flows: as SVG, and as Mermaid for what renders that."""
