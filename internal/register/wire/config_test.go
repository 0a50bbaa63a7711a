//go:build unix

package wire

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // part of the error; "" is valid
	}{
		"defaults":             {func(*Config) {}, ""},
		"Unix sockets":         {func(c *Config) { c.Listen, c.Upstream = "/run/guard/.s", "/run/postgresql/.s.PGSQL.5432" }, ""},
		"no upstream":          {func(c *Config) { c.Upstream = "" }, "upstream"},
		"open without TLS":     {func(c *Config) { c.Listen = "192.0.2.1:6432" }, "cert_file"},
		"open on all":          {func(c *Config) { c.Listen = ":6432" }, "cert_file"},
		"open, deliberately":   {func(c *Config) { c.Listen, c.RequireTLS = ":6432", new(bool) }, ""},
		"certificate, no key":  {func(c *Config) { c.CertFile = "a" }, "belong together"},
		"mode":                 {func(c *Config) { c.UpstreamTLS = "prefer" }, "verify-full"},
		"no clients":           {func(c *Config) { c.MaxConnections = 0 }, "max_connections"},
		"rows beyond all":      {func(c *Config) { c.MaxRowMB = 5000 }, "at most"},
		"several are all told": {func(c *Config) { c.Listen, c.StallSeconds = "x", 0 }, "stall_seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Upstream = "127.0.0.1:5432"
			c.change(&cfg)
			err := cfg.Validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestUpstreamMode(t *testing.T) {
	for upstream, want := range map[string]string{"127.0.0.1:5432": tlsDisable, "[::1]:5432": tlsDisable, "/run/x": tlsDisable, "db.example:5432": tlsVerifyFull, "192.0.2.7:5432": tlsVerifyFull} {
		if got := (&Config{Upstream: upstream}).upstreamMode(); got != want {
			t.Errorf("%s: %s, want %s", upstream, got, want)
		}
	}
}

func TestReplicates(t *testing.T) {
	for value, want := range map[string]bool{"database": true, "true": true, "on": true, "1": true, "yes": true, "false": false, "OFF": false, "of": false, "0": false, "no": false, "n": false, "o": true, "": true, "nonsense": true} {
		if got := (&startup{params: map[string]string{"replication": value}}).replicates(); got != want {
			t.Errorf("replication=%q: %v", value, got)
		}
	}
	if (&startup{params: map[string]string{}}).replicates() {
		t.Error("without the parameter")
	}
}

func TestYears(t *testing.T) {
	for in, want := range map[string]string{
		"1950-06-15": "1950-01-01", "0044-03-15 BC": "0044-01-01 BC", "12024-12-31": "12024-01-01",
		"06/15/1950": "", "infinity": "", "": "", "19500615": "", "1950-06": "",
	} {
		got, ok := yearText([]byte(in), oidDate)
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
	days := func(y int32) []byte { return []byte{byte(y >> 24), byte(y >> 16), byte(y >> 8), byte(y)} }
	for in, want := range map[int32]int32{0: 0, 1: 0, 365: 0, 366: 366, -1: -365} {
		if got, ok := yearBinary(days(in), oidDate); !ok || string(got) != string(days(want)) {
			t.Errorf("day %d: %v, want %v", in, got, days(want))
		}
	}
	if _, ok := yearBinary(days(1<<31-1), oidDate); ok {
		t.Error("infinity has a year")
	}
}

func TestKeysForms(t *testing.T) {
	var k Keys
	k.Reset(1)
	for _, s := range []string{"0", "4711", "004711", "9223372036854775807", "9223372036854775808", "-3", "", "ä"} {
		k.AppendText([]byte(s))
	}
	k.AppendNull()
	want := []string{"0", "4711", "004711", "9223372036854775807", "9223372036854775808", "-3", "", "ä"}
	for i, w := range want {
		if got := string(k.Bytes(i)); got != w {
			t.Errorf("key %d: %q, want %q", i, got, w)
		}
		if _, isInt := k.Int(i); isInt != (i < 2 || i == 3) {
			t.Errorf("%q is an integer: %v", w, isInt)
		}
	}
	if !k.Null(8) || k.Bytes(8) != nil || k.Null(6) || k.Rows() != 9 {
		t.Error("NULL is told from nothing")
	}
}
