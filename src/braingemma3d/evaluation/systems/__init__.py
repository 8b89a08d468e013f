"""Systems that write reports, behind one interface: the model, baselines, and rules that hardly look."""
