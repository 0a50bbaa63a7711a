package hosted

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/oauth"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

// ledger is a session that keeps states.
func ledger() remote.Session {
	states := map[string]json.RawMessage{}
	s := Look()
	s.State = func(key string) (json.RawMessage, bool) { raw, ok := states[key]; return raw, ok }
	s.Advance = func(key string, state json.RawMessage) error { states[key] = state; return nil }
	return s
}

func itself(id string) string { return id }

// TestFresh hands on each message once: within a page, over pages, and over runs.
func TestFresh(t *testing.T) {
	session := ledger()
	turn, page := NewTurn(session, "key", 10), Page{}
	page.Mark("known", true)
	page.Mark("draft", false)
	if got := Fresh(turn, &page, []string{"a", "known", "", "b", "a", "draft"}, itself); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("fresh are %q", got)
	}
	if err := turn.Remember(&page); err != nil {
		t.Fatal(err)
	}
	again := NewTurn(session, "key", 10)
	if got := Fresh(again, &Page{}, []string{"known", "draft", "c"}, itself); !slices.Equal(got, []string{"draft", "c"}) {
		t.Errorf("in another run fresh are %q", got)
	}
	raw, err := json.Marshal(struct {
		Link string `json:"link"`
		Page
	}{"x", page})
	if err != nil || string(raw[:20]) != `{"link":"x","done":"` {
		t.Errorf("it is stored as %s, %v", raw, err)
	}
}

// TestHand ends a turn by messages and by bytes, without leaving any out.
func TestHand(t *testing.T) {
	list := []string{"1", "2", "3", "4", "5"}
	for _, c := range []struct {
		messages, size int
		want           int
		cut            bool
	}{{10, 1, 5, false}, {5, 1, 5, false}, {3, 1, 3, true}, {10, turnBytes / 2, 2, true}, {0, 1, 0, true}} {
		turn := NewTurn(ledger(), "key", c.messages)
		var taken []string
		cut, err := Hand(t.Context(), turn, 2, list, &rest.Stuck{}, itself,
			func(_ context.Context, id string) (string, error) { return id, nil },
			func(id, got string) error {
				turn.Pay(c.size)
				taken = append(taken, got)
				return nil
			}, func(string, error, string) error { return errors.New("none is damaged") })
		if err != nil || cut != c.cut || !slices.Equal(taken, list[:c.want]) {
			t.Errorf("%+v: taken %q, cut %v, %v", c, taken, cut, err)
		}
		if spent := c.messages <= c.want || c.size > 1; turn.Spent() != spent {
			t.Errorf("%+v: spent is %v", c, turn.Spent())
		}
	}
}

func TestFor(t *testing.T) {
	s := Service{Provider: oauth.Google, Endpoint: "https://mail.example", Parallel: 6}
	c := Config{Mailboxes: []string{"anna@house.example"}, Config: oauth.Config{ServiceAccountFile: "k"}}
	d := c.For(s)
	if d.Endpoint != "https://mail.example" || d.MaxMessage != 64<<20 || d.Parallel != 4 || d.Check(c, s) != nil {
		t.Errorf("%+v, %v", d, d.Check(c, s))
	}
	c.Parallel = 7
	if c.For(s).Check(c, s) == nil {
		t.Error("more at once than the service bears")
	}
}
