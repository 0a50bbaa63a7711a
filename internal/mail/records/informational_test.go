package records_test

import (
	"context"
	"fmt"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/store"
)

// noticed is a verdict with findings nobody needs to look at.
func noticed(n, many int, people ...portcullis.ID) portcullis.Verdict {
	v := portcullis.Verdict{Action: portcullis.Pass, Facts: fmt.Sprint("facts", n)}
	for i := range many {
		v.Findings = append(v.Findings, portcullis.Finding{
			ID: portcullis.NewID("finding", fmt.Sprint(n, i)), Rule: fmt.Sprintf("mail/rule%d@1", i%3), Severity: portcullis.Informational, Time: day(n), People: people,
		})
	}
	return v
}

// TestInformational: findings without an index row of their own are found by their
// ids, listed on request, and gone with their message.
func TestInformational(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		write(t, s, func(ctx context.Context, w *records.Writer) error {
			var list []records.Judgement
			for n := 1; n <= 4; n++ {
				if err := arrive(ctx, w, n, "a@x.example", "x.example", "anna"); err != nil {
					return err
				}
				v := noticed(n, 3)
				switch n {
				case 2:
					v = noticed(n, 200)
				case 3:
					v = noticed(n, 1, "person:anna")
				case 4:
					v.Findings[0].ID, v.Findings[1].Severity = "finding:odd", portcullis.Low
				}
				j, err := records.NewJudgement(event(n), v, []byte(`{"schema":1}`), fmt.Sprint("people ", n))
				if err != nil {
					return err
				}
				list = append(list, j)
			}
			return w.PutVerdicts(ctx, list, day(1))
		})
		r := records.NewReader(s.DB())
		count := func(what string, f records.Filter, want int) {
			t.Helper()
			found, err := r.Findings(t.Context(), f)
			if err != nil || len(found) != want {
				t.Errorf("%s: %d findings, %v; want %d", what, len(found), err, want)
			}
		}
		count("worth a look", records.Filter{}, 1)
		count("all", records.Filter{Informational: true}, 207)
		count("of a message", records.Filter{Informational: true, Message: event(2)}, 200)
		count("about a person", records.Filter{Informational: true, People: []portcullis.ID{"person:anna"}}, 1)
		count("of a rule", records.Filter{Informational: true, Rule: "mail/rule1", Until: day(2)}, 1)
		count("since", records.Filter{Informational: true, Since: day(3)}, 4)
		count("some", records.Filter{Informational: true, Limit: 7}, 7)
		for n, i := range map[int]int{1: 2, 2: 199, 3: 0, 4: 2} {
			id := portcullis.NewID("finding", fmt.Sprint(n, i))
			for _, asked := range []portcullis.ID{id, id[:len("finding:")+9], id[:len("finding:")+7]} {
				found, err := r.Finding(t.Context(), asked)
				if err != nil || found.Finding.ID != id || found.Message.ID != event(n) {
					t.Errorf("finding %s by %s: %+v, %v", id, asked, found, err)
				}
			}
		}
		for _, bad := range []portcullis.ID{"finding:", "f", "finding:00000000000000", "group:12", "finding:xyz"} {
			if found, err := r.Finding(t.Context(), bad); err == nil {
				t.Errorf("%q is %s", bad, found.Finding.ID)
			}
		}
		if n, err := r.JudgedOtherwise(t.Context(), "people 3"); n != 3 || err != nil {
			t.Errorf("judged with another people file: %d, %v; want 3", n, err)
		}
		write(t, s, func(ctx context.Context, w *records.Writer) error { return w.Remove(ctx, event(2)) })
		count("left", records.Filter{Informational: true}, 7)
		if _, err := r.Facts(t.Context(), event(2), 0); err == nil {
			t.Error("the facts of a removed message are there")
		}
		if f, err := r.Facts(t.Context(), event(1), 0); err != nil || f.Schema != 1 {
			t.Errorf("facts: %+v, %v", f, err)
		}
	})
}
