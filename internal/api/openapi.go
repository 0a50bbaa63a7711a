package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The parts of an OpenAPI 3.1 document that are used here.
type (
	document struct {
		OpenAPI    string                          `json:"openapi"`
		Info       info                            `json:"info"`
		Servers    []server                        `json:"servers"`
		Security   []map[string][]string           `json:"security"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components components                      `json:"components"`
	}
	info struct {
		Title   string `json:"title"`
		Version string `json:"version"`
	}
	server struct {
		URL string `json:"url"`
	}
	components struct {
		Schemas         map[string]*schema        `json:"schemas"`
		Responses       map[string]response       `json:"responses"`
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
	}
	securityScheme struct {
		Type   string `json:"type"`
		Scheme string `json:"scheme"`
	}
	operation struct {
		OperationID string              `json:"operationId"`
		Summary     string              `json:"summary"`
		Tags        []string            `json:"tags,omitempty"`
		Role        Role                `json:"x-role,omitempty"`
		Parameters  []parameter         `json:"parameters,omitempty"`
		RequestBody *requestBody        `json:"requestBody,omitempty"`
		Responses   map[string]response `json:"responses"`
	}
	parameter struct {
		Name        string  `json:"name"`
		In          string  `json:"in"`
		Description string  `json:"description,omitempty"`
		Required    bool    `json:"required,omitempty"`
		Schema      *schema `json:"schema"`
	}
	requestBody struct {
		Required bool                 `json:"required"`
		Content  map[string]mediaType `json:"content"`
	}
	response struct {
		Ref         string               `json:"$ref,omitempty"`
		Description string               `json:"description,omitempty"`
		Content     map[string]mediaType `json:"content,omitempty"`
	}
	mediaType struct {
		Schema *schema `json:"schema"`
	}
)

const problemResponse = "Problem"

// OpenAPI describes the routes as an OpenAPI 3.1 document, the same bytes for the same
// routes in whatever order. Types are described by what encoding/json makes of them.
func OpenAPI(title, version string, routes []Route) []byte {
	s := newSchemas()
	doc := document{
		OpenAPI: "3.1.0", Info: info{title, version}, Servers: []server{{Prefix}},
		Security: []map[string][]string{{"bearer": {}}},
		Paths:    map[string]map[string]operation{},
	}
	sorted := slices.SortedFunc(slices.Values(routes), func(a, b Route) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	for _, r := range sorted {
		path := openPath(r.Path)
		if doc.Paths[path] == nil {
			doc.Paths[path] = map[string]operation{}
		}
		doc.Paths[path][strings.ToLower(r.Method)] = s.operation(r)
	}
	problem := response{Description: "A refusal or failure, as RFC 9457 has it.",
		Content: map[string]mediaType{"application/problem+json": {s.of(Problem{})}}}
	doc.Components = components{
		Schemas: s.named, Responses: map[string]response{problemResponse: problem},
		SecuritySchemes: map[string]securityScheme{"bearer": {"http", "bearer"}},
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil // cannot happen: the document holds nothing that JSON has no form for
	}
	return append(out, '\n')
}

// answer describes what a route answers: an object says which form it has.
func (s *schemas) answer(example any) *schema {
	is := s.of(example)
	object := is
	if name, ok := strings.CutPrefix(is.Ref, "#/components/schemas/"); ok {
		object = s.named[name]
	}
	if object != nil && object.Properties != nil && object.Properties["schema"] == nil {
		object.Properties["schema"] = &schema{Type: "integer"}
	}
	return is
}

func (s *schemas) operation(r Route) operation {
	op := operation{OperationID: operationID(r), Summary: r.Summary, Role: r.Role, Responses: map[string]response{
		"default": {Ref: "#/components/responses/" + problemResponse}}}
	if first, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/"); first != "" {
		op.Tags = []string{first}
	}
	for _, name := range pathNames(r.Path) {
		op.Parameters = append(op.Parameters, parameter{Name: name, In: "path", Required: true, Schema: &schema{Type: "string"}})
	}
	for _, q := range r.Query {
		op.Parameters = append(op.Parameters, parameter{q.Name, "query", q.Summary, q.Required, &schema{Type: "string"}})
	}
	if r.Body != nil {
		op.RequestBody = &requestBody{true, map[string]mediaType{"application/json": {s.of(r.Body)}}}
	}
	status, done := http.StatusNoContent, response{Description: "Done."}
	if r.Result != nil {
		status, done = http.StatusOK, response{Description: "The answer.", Content: map[string]mediaType{"application/json": {s.answer(r.Result)}}}
	}
	if len(r.Media) > 0 {
		status, done = http.StatusOK, response{Description: "The document.", Content: map[string]mediaType{}}
		for _, name := range r.Media {
			done.Content[name] = mediaType{&schema{Type: "string"}}
		}
	}
	op.Responses[strconv.Itoa(status)] = done
	return op
}

// operationID is unique because method and path together are.
func operationID(r Route) string {
	words := strings.FieldsFunc(r.Path, func(c rune) bool {
		return c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z'
	})
	return strings.Join(append([]string{strings.ToLower(r.Method)}, words...), "_")
}

// openPath writes a net/http pattern's path as OpenAPI does, which knows neither {x...}
// nor {$}.
func openPath(path string) string {
	return strings.NewReplacer("...}", "}", "{$}", "").Replace(path)
}

func pathNames(path string) (names []string) {
	for segment := range strings.SplitSeq(openPath(path), "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}
