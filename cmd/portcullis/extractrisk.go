package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/register"
	budget "portcullis.example/portcullis/internal/register/meter"
)

// anonymous are the columns by which the policy knows voters at risk: their entries leave only one by one, after two approvals
// each, and so are in no bulk copy. A source that does not say whose they are is refused, for the copy would hold them unmarked.
func (c *registerExtractCommand) anonymous(cfg *register.Config, columns []string) (found []string, err error) {
	policy, err := budget.Load(cfg.Policy)
	if err != nil {
		return nil, err
	}
	var marks []string // that are not there
	for _, p := range policy.Protected {
		switch own := c.DatabaseFile != "" && p.Relation == c.From; {
		case p.Anonymous == "":
		case slices.Contains(columns, p.Anonymous):
			found = append(found, p.Anonymous)
		case own: // whatever else it has is another relation's mark
			return nil, unmarked(c.From, p.Anonymous)
		default:
			marks = append(marks, p.Anonymous)
		}
	}
	if len(found) > 0 || len(marks) == 0 {
		return found, nil
	}
	return nil, unmarked(c.From, marks...)
}

func unmarked(from string, marks ...string) error {
	return exitError{exitIncomplete, fmt.Errorf("%s has no column %s, by which the policy knows voters at risk, so it cannot be told whose entries must stay; take the extract from a table or a file that has it", from, strings.Join(marks, " or "))}
}

// tellLeftOut says that the copy is not the whole register.
func tellLeftOut(out io.Writer, n int) {
	if n > 0 {
		fmt.Fprintf(out, "Left out are the records of %s at risk: each leaves only after two approvals (portcullis register request anonymous).\n", count(n, "voter"))
	}
}
