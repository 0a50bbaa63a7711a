package lineage_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/lineage"
)

func statements(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range strings.Split(string(data), "\n--next\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// TestOrdinary sends what applications, libraries and psql send: nothing may be refused, and what is seen must be what
// PostgreSQL gives without a guard.
func TestOrdinary(t *testing.T) {
	r := newRegister(t, "ONE")
	a := r.analyse(t, lineage.Options{})
	for _, text := range append(statements(t, "testdata/ordinary.sql"), statements(t, "testdata/psql.sql")...) {
		t.Run(text, func(t *testing.T) {
			if strings.Contains(text, "$1") {
				r.sameDescription(t, a, text)
				return
			}
			r.sameRows(t, a, text)
		})
	}
}

func (r *register) sameRows(t *testing.T, a *lineage.Analyser, text string) {
	guarded := r.play(t, a, []string{"CREATE TEMP TABLE IF NOT EXISTS scratch (a int, b text)", text})
	if guarded.refused != nil {
		t.Fatalf("refused: %v", guarded.refused)
	}
	conn := r.connect(t)
	conn.Exec(t.Context(), "BEGIN; CREATE TEMP TABLE IF NOT EXISTS scratch (a int, b text)").ReadAll()
	plain := &session{counted: map[int]bool{}}
	if strings.HasPrefix(text, "COPY") {
		var out strings.Builder
		if _, err := conn.CopyTo(t.Context(), &out, text); err != nil {
			t.Fatal(err)
		}
		sep := map[bool]string{true: ",", false: "\t"}[strings.Contains(text, "csv")]
		for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			var values [][]byte
			for _, v := range strings.Split(line, sep) {
				values = append(values, []byte(v))
			}
			plain.row(nil, values)
		}
		if strings.HasPrefix(text, "COPY articles") {
			return
		}
	} else {
		results, err := conn.Exec(t.Context(), text).ReadAll()
		for _, res := range results {
			for _, row := range res.Rows {
				plain.row(nil, row)
			}
		}
		if (err != nil) != strings.Contains(guarded.seen.String(), "ERROR") && err != nil {
			t.Fatalf("direct: %v", err)
		}
	}
	conn.Close(t.Context())
	if !slices.Equal(plain.rows, guarded.rows) && !volatile(text) {
		t.Errorf("direct:\n%s\nguarded:\n%s", strings.Join(plain.rows, "\n"), strings.Join(guarded.rows, "\n"))
	}
}

func volatile(text string) bool {
	return strings.Contains(text, "nextval") || strings.Contains(text, "n_live_tup") || strings.Contains(text, "_is_visible(c.oid)")
}

// sameDescription compares parameters and visible columns of a statement with parameters.
func (r *register) sameDescription(t *testing.T, a *lineage.Analyser, text string) {
	plans, err := a.Analyse(text, lineage.NewSettings([]string{"app", "public"}, "", nil, nil))
	if err != nil || plans[0].Refusal != nil {
		t.Fatalf("refused: %v %v", err, plans[0].Refusal)
	}
	conn := r.connect(t)
	plain, err := conn.Prepare(t.Context(), "", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := conn.Prepare(t.Context(), "", plans[0].Text, nil)
	if err != nil {
		t.Fatalf("%s: %v", plans[0].Text, err)
	}
	if !slices.Equal(plain.ParamOIDs, guarded.ParamOIDs) {
		t.Errorf("parameters %v, direct %v", guarded.ParamOIDs, plain.ParamOIDs)
	}
	hidden := 0
	if plans[0].Result != nil {
		hidden = plans[0].Result.Hidden
	}
	if len(plain.Fields) != len(guarded.Fields)-hidden {
		t.Errorf("%d fields, direct %d: %s", len(guarded.Fields)-hidden, len(plain.Fields), plans[0].Text)
	}
	for i, f := range plain.Fields {
		if g := guarded.Fields[i]; g.Name != f.Name || g.DataTypeOID != f.DataTypeOID {
			t.Errorf("field %d is %s %d, direct %s %d", i, g.Name, g.DataTypeOID, f.Name, f.DataTypeOID)
		}
	}
}

// TestDump sends what pg_dump sends: its questions pass, its COPY is metered.
func TestDump(t *testing.T) {
	r := newRegister(t, "ONE")
	a := r.analyse(t, lineage.Options{})
	metered := 0
	for _, text := range statements(t, "testdata/pgdump.sql") {
		plans, err := a.Analyse(text, lineage.NewSettings([]string{"app"}, "", nil, nil))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, p := range plans {
			if p.Refusal != nil && !strings.HasPrefix(text, "COPY app.names_copy") {
				t.Errorf("%s: %v", text, p.Refusal)
			}
			if p.Result != nil {
				metered++
			}
		}
	}
	if metered == 0 {
		t.Error("nothing of a dump is metered")
	}
}
