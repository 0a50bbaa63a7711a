package access

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

var acts = []Act{SeeSituation, SeeCampaigns, SeePerson, SeeEvidence, SeeIndicators, SeeNotices, SeeAudit, SeeAuditWords, SeeOwnLooks, SeeContacts,
	SeeSettings, Hunt, HuntPerson, AskHunt, ApproveHunt, Screen, EditCampaigns, EditIndicator, Assess, ExportActor, DraftNotice, ApproveNotice, SendNotice, DelayNotice,
	AskGlass, ApproveGlass, HoldMail, SuspectAccount, ClearAccount, ChangeSetting}

// scopes of a caller, against an object that concerns Ada of the lower house and the blue party.
var scopes = []struct {
	name  string
	scope api.Scope
	in    bool
}{
	{"everything", api.Scope{}, true},
	{"her house", api.Scope{Houses: []string{"Lower House"}}, true},
	{"another house", api.Scope{Houses: []string{"Upper House"}}, false},
	{"her party", api.Scope{Parties: []string{"Blue", "Green"}}, true},
	{"another party", api.Scope{Parties: []string{"Green"}}, false},
	{"herself", api.Scope{People: ids("person:ada")}, true},
	{"somebody else", api.Scope{People: ids("person:bo")}, false},
	{"her house and party", api.Scope{Houses: []string{"Lower House"}, Parties: []string{"Blue"}}, true},
	{"her house, another party", api.Scope{Houses: []string{"Lower House"}, Parties: []string{"Green"}}, false},
}

var ada = Subject{Person: "person:ada", Houses: []string{"Lower House"}, Party: "Blue"}

func objects() map[string]Object {
	secret := ada
	secret.Privileged = "legal privilege"
	return map[string]Object{
		"hers":                {ID: "event:1", People: []Subject{ada}, By: "somebody"},
		"hers, privileged":    {ID: "event:1", People: []Subject{secret}, By: "somebody"},
		"privileged, granted": {ID: "event:1", People: []Subject{secret}, By: "somebody", Granted: true},
		"hers, asked by me":   {ID: "event:1", People: []Subject{ada}, By: " THE  Caller "},
		"nobody's":            {ID: "event:2", By: "somebody"},
	}
}

// verdict is a letter for the golden table.
func verdict(d Decision) string {
	switch {
	case d.Allowed:
		return "yes"
	case d.BreakGlass:
		return "glass"
	case d.Second:
		return "second"
	}
	return "-"
}

// classes of scope, of which all must be answered the same.
func class(s api.Scope, in bool) string {
	switch {
	case s.Unbounded():
		return "no bounds"
	case in:
		return "within"
	}
	return "outside"
}

// answers are those of one act and object: a line for each class of scope.
func answers(t *testing.T, a Act, name string, o Object) (text string) {
	t.Helper()
	byClass := map[string]string{}
	for _, s := range scopes {
		line := ""
		for _, role := range api.Roles() {
			caller := api.Caller{Name: "the caller", Roles: []api.Role{role}, Scope: s.scope, Via: api.ViaOIDC}
			if role == api.Member {
				caller.Person = "person:ada"
			}
			line += fmt.Sprintf("%-9s", verdict(May(caller, a, o)))
		}
		of := class(s.scope, s.in && len(o.People) > 0)
		if before, ok := byClass[of]; ok && before != line {
			t.Errorf("%s, %s: scope %q is answered otherwise than others %s", a, name, s.name, of)
		}
		byClass[of] = line
	}
	for _, of := range []string{"no bounds", "within", "outside"} {
		if line, ok := byClass[of]; ok {
			text += fmt.Sprintf("    %-10s %s\n", of, strings.TrimSpace(line))
		}
	}
	return text
}

// TestMayTable holds every role, act, scope and kind of object against the table in
// testdata, which is for reading: it is the policy. An object is left out where it is
// answered like the plain one.
func TestMayTable(t *testing.T) {
	var got strings.Builder
	fmt.Fprintf(&got, "%-15s", "")
	for _, role := range api.Roles() {
		fmt.Fprintf(&got, "%-9s", role)
	}
	got.WriteString("\n")
	kinds := objects()
	for _, a := range acts {
		plain := answers(t, a, "hers", kinds["hers"])
		fmt.Fprintf(&got, "%s\n%s", a, plain)
		for _, name := range slices.Sorted(maps.Keys(kinds)) {
			if text := answers(t, a, name, kinds[name]); text != plain && (name != "nobody's" || !strings.HasSuffix(plain, strings.SplitAfterN(text, "\n", 2)[1])) {
				fmt.Fprintf(&got, "  %s\n%s", name, text)
			}
		}
	}
	text := strings.ReplaceAll(got.String(), " \n", "\n")
	if *update {
		must(t, os.WriteFile("testdata/may.txt", []byte(text), 0o644))
	}
	want, err := os.ReadFile("testdata/may.txt")
	must(t, err)
	if text != string(want) {
		t.Errorf("the policy is not the one in testdata/may.txt; if that is meant, run with -update and read the difference")
	}
}

// every calls fn with each caller, act and object there is in the table.
func every(fn func(c api.Caller, inScope bool, a Act, name string, o Object, d Decision)) {
	for _, a := range acts {
		for name, o := range objects() {
			for _, s := range scopes {
				for bits := range 1 << len(api.Roles()) {
					c := api.Caller{Name: "the caller", Scope: s.scope, Via: api.ViaOIDC, Person: "person:bo"}
					for i, r := range api.Roles() {
						if bits>>i&1 == 1 {
							c.Roles = append(c.Roles, r)
						}
					}
					fn(c, s.in, a, name, o, May(c, a, o))
				}
			}
		}
	}
}

// TestMayInvariants says what must hold whatever the table says, for every combination of
// roles.
func TestMayInvariants(t *testing.T) {
	evidence := []Act{SeeEvidence, SeeAuditWords, Hunt, HuntPerson, AskHunt, ApproveHunt, AskGlass, ApproveGlass}
	n := 0
	every(func(c api.Caller, inScope bool, a Act, name string, o Object, d Decision) {
		n++
		wrong := func(why string) {
			t.Errorf("%v, in scope %v, %s, %s: %+v: %s", c.Roles, inScope, a, name, d, why)
		}
		if d.Allowed != (d.Why == "") || d.Allowed && (d.BreakGlass || d.Second) {
			wrong("an answer that contradicts itself")
		}
		if !d.Allowed {
			return
		}
		switch {
		case len(c.Roles) == 0:
			wrong("nobody may do anything without a role")
		case c.Has(api.Admin) && slices.Contains(evidence, a):
			wrong("administrators cannot read evidence")
		case a == SeeContacts || a == SeeOwnLooks:
			wrong("is for the member it concerns, and this is another")
		case a == SeeEvidence && name == "hers, privileged":
			wrong("privileged, and nobody broke the glass")
		case (a == ApproveGlass || a == ApproveHunt) && name == "hers, asked by me":
			wrong("approved by who asked")
		case slices.Contains([]Act{ApproveNotice, SendNotice, DelayNotice, ExportActor, ApproveGlass, ApproveHunt}, a) && !c.Has(api.Approver):
			wrong("leaves the house, and no approver")
		case !inScope && slices.Contains([]Act{SeePerson, SeeEvidence, SeeCampaigns, SeeNotices, AskGlass, ApproveGlass}, a):
			wrong("out of scope")
		}
		program := c
		program.Via = api.ViaToken
		if May(program, ApproveNotice, o).Allowed || May(program, ApproveGlass, o).Allowed || May(program, AskGlass, o).Allowed {
			wrong("a program acts as a person")
		}
	})
	if n < 10_000 {
		t.Errorf("only %d cases", n)
	}
}

func TestMayMember(t *testing.T) {
	member := api.Caller{Name: "Ada Ngata", Roles: []api.Role{api.Member}, Person: "person:ada", Via: api.ViaOIDC}
	own := Object{ID: "event:1", People: []Subject{{Person: "person:ada", Privileged: "legal privilege"}}}
	other := Object{ID: "event:2", People: []Subject{{Person: "person:bo"}}}
	for _, a := range acts {
		mine := slices.Contains([]Act{SeePerson, SeeEvidence, SeeNotices, SeeOwnLooks, SeeContacts, HoldMail}, a)
		if got := May(member, a, own).Allowed; got != mine {
			t.Errorf("%s of what is their own: %v", a, got)
		}
		if May(member, a, other).Allowed {
			t.Errorf("%s of what is another's is allowed", a)
		}
		unknown := member
		unknown.Person = ""
		if May(unknown, a, Object{People: []Subject{{}}}).Allowed {
			t.Errorf("%s is allowed to a member who is nobody", a)
		}
	}
}

func TestMayUnknown(t *testing.T) {
	all := api.Caller{Name: "x", Roles: api.Roles(), Via: api.ViaOIDC}
	if May(all, "no-such-act", Object{}).Allowed {
		t.Error("an act that nobody defined is allowed")
	}
	if May(api.Caller{Roles: api.Roles(), Via: api.ViaOIDC}, SeeSituation, Object{}).Allowed {
		t.Error("nobody is allowed")
	}
	if May(api.Caller{Name: "x", Roles: []api.Role{api.Approver}}, ApproveNotice, Object{}).Allowed {
		t.Error("who came in by no known way counts as a person")
	}
}

func TestVisible(t *testing.T) {
	both := []Subject{ada, {Person: "person:bo", Houses: []string{"Upper House"}}}
	for _, c := range []struct {
		caller api.Caller
		want   int
	}{
		{api.Caller{Roles: []api.Role{api.Reader}}, 2},
		{api.Caller{Roles: []api.Role{api.Analyst}, Scope: api.Scope{Houses: []string{"Upper House"}}}, 1},
		{api.Caller{Roles: []api.Role{api.Member}, Person: "person:ada"}, 1},
		{api.Caller{Roles: []api.Role{api.Admin}}, 0},
		{api.Caller{Roles: []api.Role{api.Member}}, 0},
	} {
		if got := Visible(c.caller, both); len(got) != c.want {
			t.Errorf("%+v sees %v", c.caller, got)
		}
	}
}

func TestStandings(t *testing.T) {
	got := standings(t).Of("ada", "person:bo", "person:unknown")
	if got[0].Party != "Blue" || got[0].Houses[0] != "Lower House" || got[1].Privileged == "" || got[2].Houses != nil || got[2].Person != "person:unknown" {
		t.Errorf("got %+v", got)
	}
	if p := standings(t).person("Ada.Ngata@PARLIAMENT.example"); p != "person:ada" {
		t.Errorf("got %q", p)
	}
	_, err := NewStandings(standings(t).dir, []StandingConfig{{People: ids("nobody")}})
	if err == nil {
		t.Error("somebody who is not in the people file goes unsaid")
	}
}
