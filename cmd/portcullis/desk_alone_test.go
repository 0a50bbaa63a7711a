package main

import (
	"path/filepath"
	"slices"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/response"
)

// TestLoneFindingsStartTheClock: whoever got a mail that is in no campaign is to be told as well,
// in one notice of their own, and nobody of the same mail twice.
func TestLoneFindingsStartTheClock(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := newDesk(t, filepath.Join(t.TempDir(), "data"), "../../examples/people.toml", "")
	must(t, s.read(t.Context(), []string{"../../examples/mailboxes"}))
	must(t, s.desk.catchUp(t.Context()))
	told := map[portcullis.ID][]portcullis.ID{}
	var alone []portcullis.ID
	for _, n := range s.notices(t) {
		if n.State != response.Drafted {
			t.Errorf("%s is %s", n.ID, n.State)
		}
		if n.Campaign == "" {
			alone = append(alone, n.Person)
		}
		for _, e := range n.Reach.Events {
			if slices.Contains(told[n.Person], e.Event) {
				t.Errorf("%s would be told of %s twice", n.Person, e.Event)
			}
			told[n.Person] = append(told[n.Person], e.Event)
		}
	}
	slices.Sort(alone)
	want := []portcullis.ID{"person:p0001", "person:p0010", "person:p0013"} // whose name was used, who got a sign-in page, to whom the name was used
	if !slices.Equal(alone, want) {
		t.Errorf("notices of what is in no campaign go to %v, want %v", alone, want)
	}
	before := len(s.notices(t))
	must(t, s.desk.catchUp(t.Context()))
	if after := len(s.notices(t)); after != before {
		t.Errorf("looked at again there are %d notices, not %d", after, before)
	}
}
