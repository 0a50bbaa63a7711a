//go:build unix

package wire

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

// TestClients runs other languages' drivers against an enforcing guard, where
// they are installed: five rows pass, then the budget is used up.
func TestClients(t *testing.T) {
	s := postgres(t)
	for name, c := range map[string]struct{ has, run []string }{
		"psycopg2":      {[]string{"/usr/bin/python3", "-c", "import psycopg2"}, []string{"/usr/bin/python3", "testdata/client.py", "HOST", "PORT", "psycopg2"}},
		"psycopg":       {[]string{"/usr/bin/python3", "-c", "import psycopg"}, []string{"/usr/bin/python3", "testdata/client.py", "HOST", "PORT", "psycopg"}},
		"node-postgres": {[]string{"node", "-e", "require('pg')"}, []string{"node", "testdata/client.js", "HOST", "PORT"}},
	} {
		t.Run(name, func(t *testing.T) {
			if exec.Command(c.has[0], c.has[1:]...).Run() != nil {
				if testenv.CI() {
					t.Fatalf("CI needs %s", name)
				}
				t.Skip("not installed")
			}
			g := &scripted{budget: 7, decide: func(text string) (Decision, error) {
				if strings.HasPrefix(text, "FETCH") {
					return Decision{Results: []Result{{Metered: true, KeyColumns: []int{0}, KeyTypes: []uint32{oidInt4}}}}, nil
				}
				if strings.HasPrefix(text, "DECLARE") {
					return Decision{Results: []Result{{}}}, nil
				}
				return metered(text)
			}}
			host, port, _ := net.SplitHostPort(gateway(t, g, nil))
			args := strings.Split(strings.NewReplacer("HOST", host, "PORT", port).Replace(strings.Join(c.run, "\x00")), "\x00")
			out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "ok" {
				t.Errorf("%v\n%s", err, out)
			}
			if got := strings.Join(g.seen(), ","); got != "1,2,3,4,5,1,2" {
				t.Errorf("keys %s", got)
			}
		})
	}
	t.Run("pgbench", func(t *testing.T) {
		host, port, _ := net.SplitHostPort(gateway(t, &scripted{budget: -1, decide: metered}, nil))
		s.sql(t, "create table if not exists pgbench_accounts(aid int primary key, abalance int); insert into pgbench_accounts select n, 0 from generate_series(1, 100000) n on conflict do nothing; create table if not exists pgbench_branches(bid int); insert into pgbench_branches values (1)")
		for _, protocol := range []string{"simple", "extended", "prepared"} {
			out, err := exec.Command("pgbench", "-h", host, "-p", port, "-U", "postgres", "-n", "-S", "-M", protocol, "-c", "4", "-t", "100", "postgres").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "400/400") {
				t.Errorf("%s: %v\n%s", protocol, err, out)
			}
		}
	})
}
