package extract

import (
	"fmt"
	"slices"
	"strings"
)

// atRisk knows rows of voters at risk, whose entries are anonymous: they never leave without two approvals for each, and
// a bulk copy is not where they do.
type atRisk struct{ columns []int }

func riskColumn(o *Options) (atRisk, error) {
	var a atRisk
	for _, name := range o.Anonymous {
		at := slices.Index(o.Source.Columns(), name)
		if at < 0 {
			return a, fmt.Errorf("extract: there is no column %q, which marks the entries of voters at risk; take the extract from the register itself", name)
		}
		a.columns = append(a.columns, at)
	}
	return a, nil
}

// marks tells whether a row must stay. What is not plainly no is yes.
func (a atRisk) marks(row []string) bool {
	return slices.ContainsFunc(a.columns, func(column int) bool {
		if column >= len(row) {
			return false
		}
		switch strings.ToLower(strings.TrimSpace(row[column])) {
		case "", "f", "false", "0", "n", "no", "off":
			return false
		}
		return true
	})
}
