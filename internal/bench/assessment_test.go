package bench

import (
	"testing"

	"portcullis.example/portcullis/internal/simulation"
)

// TestWeighingTrial runs a small world of invented groups through all methods: that the
// figures come out, that no echo changes a statement, and that weighing beats what is
// simpler. How well it is calibrated is measured by the bench, on more.
func TestWeighingTrial(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for _, scenario := range simulation.Scenarios() {
		trial := newWeighingTrial(scenario.Name)
		trial.incidents = 150
		if err := trial.run(t.Context(), simulation.New(simulation.InventedGroups(7, 40), scenario, 7)); err != nil {
			t.Fatal(err)
		}
		if trial.echoes > 0 {
			t.Errorf("%s: %d statements were changed by an echo", scenario.Name, trial.echoes)
		}
		if trial.ours.meanLog() <= trial.base.meanLog() {
			t.Errorf("%s: log score %.3f, base rate %.3f", scenario.Name, trial.ours.meanLog(), trial.base.meanLog())
		}
		for _, m := range trial.others {
			if m.meanLog() >= trial.ours.meanLog() {
				t.Errorf("%s: %s scores %.3f, weighing %.3f", scenario.Name, m.name, m.meanLog(), trial.ours.meanLog())
			}
		}
		s := &Section{}
		trial.report(s, false)
		if len(s.Figures) < 8 || len(s.Details) != 5 {
			t.Errorf("%d figures and %d details", len(s.Figures), len(s.Details))
		}
	}
}

func TestECE(t *testing.T) {
	var b bins
	for i := range 10 {
		b.add(0.95, i != 0) // nine in ten right
		b.add(0.15, i == 0) // one in ten
	}
	if got := b.ece(); got < 0.0499 || got > 0.0501 {
		t.Errorf("ECE %.4f, want 0.05", got)
	}
}
