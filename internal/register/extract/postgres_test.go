//go:build unix

package extract_test

import (
	"fmt"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/register/extract"
	"portcullis.example/portcullis/internal/register/honey"
	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestTable takes an extract of a table, with values that the text format of COPY escapes.
func TestTable(t *testing.T) {
	pg := pgtest.Start(t)
	pg.PSQL(t, "postgres", `CREATE TABLE voters (id bigint, surname text, given text, born date, street text, note text);
INSERT INTO voters SELECT 100000 + i * 13, 'Fam' || chr(97 + i % 26) || chr(97 + i / 26 % 26), 'Given' || chr(97 + i % 23), date '1940-01-01' + i * 7 % 22000,
 'Street ' || chr(65 + i % 20) || E'\t\\' || E'\n', NULL FROM generate_series(1, 3000) AS i`)
	src, err := extract.OpenTable(t.Context(), pg.URL("postgres", "postgres"), "public.voters", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close(t.Context()) })
	to := &ledger{keys: map[string]bool{}}
	o, id := options(t, registerFile(t, 300, false), to)
	o.Source, o.Columns = src, honey.Guess(src.Columns())
	m, err := extract.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	rows := open(t, o.Out, id)
	if len(rows) != 3031 || m.Receipt.Rows != 3030 || strings.Join(rows[0], ",") != "id,surname,given,born,street,note" || len(to.keys) != 3000 {
		t.Errorf("%d rows, %d disclosed, head %v", len(rows), len(to.keys), rows[0])
	}
	for _, row := range rows[1:] {
		if !strings.HasSuffix(row[4], "\t\\\n") || row[5] != "" || len(fmt.Sprint(row[0])) < 6 {
			t.Fatalf("%q", row)
		}
	}
}
