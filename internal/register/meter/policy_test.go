package meter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPolicyErrors name the file, the line and the key.
func TestPolicyErrors(t *testing.T) {
	lines := strings.Count(head, "\n")
	for _, c := range []struct{ text, want string }{
		{"[[budget]]\nname=\"b\"\nper=\"person\"\nhuor=5\n", `register.toml:24: unknown key "budget.huor"`},
		{"[[budget]]\nname=\"b\"\nper=\"planet\"\nhour=5\n", `register.toml:23: budget[0].per: "planet"; want person`},
		{"[[budget]]\nname=\"b\"\nper=\"person\"\nhour=50\nday=5\n", `register.toml:25: budget[0].day: 5 is less than hour = 50`},
		{"[[budget]]\nname=\"b\"\nper=\"person\"\n", "register.toml:21: budget[0]: bounds nothing"},
		{"[[budget]]\nname=\"b\"\nper=\"purpose\"\nday=5\n", "budget[0].per: purpose, but there is no [[purpose]]"},
		{"[[budget]]\nname=\"b\"\nper=\"person\"\nrole=\"king\"\nday=5\n", `budget[0].role: there is no role "king"`},
		{"[[role]]\nname=\"x\"\nhours=[\"Mon 25:00-26:00\"]\n", "want working hours"},
		{"[[role]]\nname=\"clerk\"\n", "role[1].name"},
		{"[[person]]\nname=\"c\"\nrole=\"clerk\"\nusers=[\"alice\"]\n", `person[2].users: "alice" is already alice`},
		{"[brake]\nrows_per_minute=100\nperson_rows_per_minute=60\n", "brake.person_rows_per_minute"},
		{"[brake]\npeople=1\n", "a single person could stop everybody"},
		{"[[mask]]\ncolumn=\"name\"\nshow=\"year\"\n", "mask[0].column"},
		{"[[allow]]\ntext=\"SELECT 1\"\n", "allow[0].fingerprint: missing"},
		{"[[supervisor]]\nname=\"eve\"\ntoken_sha256=\"b7e94be513e96e8c45cd23d162275e5a12ebde9100a425c4ebcdd7fa4dcd897c\"\n", "two approvals would be one person's"},
		{"[identity]\npurpose=[\"hearsay\"]\n", "identity.purpose"},
		{"x = \n", "register.toml:"},
	} {
		_, err := Parse("register.toml", []byte(head+c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q (after %d lines):\n got %v\nwant %s", c.text, lines, err, c.want)
		}
	}
	if _, err := Parse("register.toml", nil); err == nil || !strings.Contains(err.Error(), "nothing is protected") {
		t.Errorf("an empty policy: %v", err)
	}
}

// TestReload keeps the old policy when the new one has an error, and the counts when it has none.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "register.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(head+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[[budget]]\nname=\"b\"\nper=\"person\"\nday=10\n")
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m := New(p)
	charge(t, m, alice, run(0, 10), monday)
	write("[[budget]]\nname=\"b\"\nper=\"person\"\nday=-1\n")
	if _, err := m.Reload(path); err == nil || m.Policy().Version() != p.Version() {
		t.Fatalf("a policy with an error came into force: %v", err)
	}
	write("[[budget]]\nname=\"b\"\nper=\"person\"\nday=12\n")
	if _, err := m.Reload(path); err != nil || m.Policy().Version() == p.Version() {
		t.Fatal(err)
	}
	if n, _ := charge(t, m, alice, run(20, 30), monday); n != 2 {
		t.Errorf("%d of the two that the new policy has more", n)
	}
}

func TestIdentify(t *testing.T) {
	p := policy(t, `
[[purpose]]
name = "polling"
roles = ["clerk"]
[[purpose]]
name = "audit"
roles = ["auditor"]
[[role]]
name = "auditor"
programs = ["desk"]
[[program]]
name = "desk"
match = ["desk", "desk-*"]
[[person]]
name = "erin"
role = "auditor"
certificates = ["Erin Example"]
[[person]]
name = "web"
users = ["webapp"]
speaks_for = ["clerk"]
`)
	for _, c := range []struct {
		claims Claims
		want   Subject
		err    string
	}{
		{Claims{User: "alice", SetPurpose: "polling"}, Subject{"alice", "clerk", "polling", "other"}, ""},
		{Claims{User: "alice", Application: "desk-7/polling"}, Subject{"alice", "clerk", "polling", "desk"}, ""},
		{Claims{User: "alice", Application: "desk/audit", SetPurpose: "polling"}, Subject{"alice", "clerk", "polling", "desk"}, ""},
		{Claims{User: "alice", Parameter: "polling"}, Subject{"alice", "clerk", "polling", "other"}, ""},
		{Claims{User: "alice"}, Subject{}, "no purpose was given"},
		{Claims{User: "alice", SetPurpose: "audit"}, Subject{}, "does not read for the purpose"},
		{Claims{User: "alice", SetPurpose: "fun"}, Subject{}, "no purpose that the policy knows"},
		{Claims{User: "postgres", SetPurpose: "polling"}, Subject{}, "does not know the database user"},
		{Claims{User: "x", Certificate: "Erin Example", Application: "desk/audit"}, Subject{"erin", "auditor", "audit", "desk"}, ""},
		{Claims{User: "x", Certificate: "Erin Example", Application: "psql/audit"}, Subject{}, "is not one that the role"},
		{Claims{User: "webapp", SetPurpose: "polling"}, Subject{}, "has not said for whom"},
		{Claims{User: "webapp", SetPurpose: "polling", SetWho: "bob"}, Subject{"bob", "clerk", "polling", "other"}, ""},
		{Claims{User: "webapp", SetPurpose: "audit", SetWho: "erin"}, Subject{}, "may not ask for"},
		{Claims{User: "alice", SetPurpose: "polling", SetWho: "bob"}, Subject{"alice", "clerk", "polling", "other"}, ""},
	} {
		got, err := p.Identify(c.claims)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v: %v, %v; want %s", c.claims, got, err, c.err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%+v: %+v, %v; want %+v", c.claims, got, err, c.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	p := policy(t, "[[allow]]\nfingerprint=\"f1\"\nlist_max=3\nlimit_max=50\n[[allow]]\nfingerprint=\"f2\"\nroles=[\"clerk\"]\n")
	for _, c := range []struct {
		who   Subject
		print string
		shape Shape
		want  string
	}{
		{alice, "f1", Shape{List: 3, Limit: 50, Prefix: -1}, ""},
		{alice, "f1", Shape{List: 4, Limit: 50, Prefix: -1}, "4 values"},
		{alice, "f1", Shape{Limit: 51, Prefix: -1}, "LIMIT 50"},
		{alice, "f1", Shape{Limit: -1, Prefix: -1}, "LIMIT 50"},
		{alice, "f2", Shape{Prefix: 3}, ""},
		{alice, "f2", Shape{Prefix: 0}, "begins with 0"},
		{alice, "f2", Shape{Prefix: -1, Arrays: 1}, "cannot be seen"},
		{Subject{Role: "guest"}, "f2", Shape{Prefix: -1}, "no such statement"},
		{alice, "f3", Shape{Prefix: -1}, "no such statement"},
	} {
		ok, why := p.Allowed(c.who, c.print, c.shape)
		if ok != (c.want == "") || !strings.Contains(why, c.want) {
			t.Errorf("%s %+v: %v %q, want %q", c.print, c.shape, ok, why, c.want)
		}
	}
}

func TestHours(t *testing.T) {
	var night Hours
	if err := night.UnmarshalText([]byte("Fri-Sat 22:00-02:00")); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-03-06T22:00:00Z": true, "2026-03-07T01:59:00Z": true, "2026-03-07T02:00:00Z": false,
		"2026-03-08T01:00:00Z": true, "2026-03-08T22:00:00Z": false, "2026-03-06T01:00:00Z": false,
	} {
		when, _ := time.Parse(time.RFC3339, at)
		if night.include(when) != want {
			t.Errorf("%s: %v", at, !want)
		}
	}
	var polling ExtraHours
	if err := polling.UnmarshalText([]byte("2026-05-07 05:00-24:00")); err != nil {
		t.Fatal(err)
	}
	if !polling.include(time.Date(2026, 5, 7, 23, 59, 0, 0, time.UTC)) || polling.include(time.Date(2026, 5, 8, 6, 0, 0, 0, time.UTC)) {
		t.Error("polling day")
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(head))
	f.Add([]byte("[[budget]]\nname=\"b\"\nper=\"person\"\nhour=1\n[brake]\nrows_per_minute=9"))
	f.Add([]byte("a.b.c=1\n[x]\n[[x.y]]\nz=[[1],[2]]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse("f", raw)
		if err == nil && (p.GroupSize < 2 || len(p.Protected) == 0 || p.Brake.People < 3) {
			t.Errorf("a policy that protects nothing came through: %+v", p)
		}
	})
}
