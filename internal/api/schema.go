package api

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// schema is as much of JSON Schema 2020-12 as Go's types need.
type schema struct {
	Ref                  string             `json:"$ref,omitempty"`
	Type                 any                `json:"type,omitempty"` // a name, or several
	Format               string             `json:"format,omitempty"`
	Minimum              *int               `json:"minimum,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties *schema            `json:"additionalProperties,omitempty"`
	AnyOf                []*schema          `json:"anyOf,omitempty"`
}

// schemas describes types. Structs with a name go into named and are referred to, which
// also ends the recursion of a type that holds itself.
type schemas struct {
	named map[string]*schema
	names map[reflect.Type]string
}

func newSchemas() *schemas {
	return &schemas{named: map[string]*schema{}, names: map[reflect.Type]string{}}
}

func (s *schemas) of(example any) *schema { return s.typ(reflect.TypeOf(example)) }

var (
	timeType      = reflect.TypeFor[time.Time]()
	rawType       = reflect.TypeFor[json.RawMessage]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	byteType      = reflect.TypeFor[byte]()
)

func (s *schemas) typ(t reflect.Type) *schema {
	switch {
	case t == timeType:
		return &schema{Type: "string", Format: "date-time"}
	case t == rawType:
		return &schema{} // anything
	case t.Kind() == reflect.Pointer:
		return nullable(s.typ(t.Elem()))
	case has(t, marshalerType):
		return &schema{} // only it knows
	case has(t, textMarshaler):
		return &schema{Type: "string"}
	}
	return s.kind(t)
}

func has(t, what reflect.Type) bool {
	return t.Implements(what) || reflect.PointerTo(t).Implements(what)
}

func (s *schemas) kind(t reflect.Type) *schema {
	zero := 0
	switch t.Kind() {
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &schema{Type: "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: &zero}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Slice:
		if t.Elem() == byteType {
			return &schema{Type: []string{"string", "null"}, Format: "byte"}
		}
		return &schema{Type: []string{"array", "null"}, Items: s.typ(t.Elem())} // nil is null
	case reflect.Array:
		return &schema{Type: "array", Items: s.typ(t.Elem())}
	case reflect.Map:
		return &schema{Type: []string{"object", "null"}, AdditionalProperties: s.typ(t.Elem())}
	case reflect.Struct:
		return s.object(t)
	}
	return &schema{} // interfaces hold anything
}

func nullable(s *schema) *schema {
	if name, ok := s.Type.(string); ok {
		s.Type = []string{name, "null"}
		return s
	}
	if s.Ref != "" {
		return &schema{AnyOf: []*schema{s, {Type: "null"}}}
	}
	return s
}

func (s *schemas) object(t reflect.Type) *schema {
	if t.Name() == "" {
		o := &schema{Type: "object", Properties: map[string]*schema{}}
		s.fields(t, o)
		return o
	}
	name, known := s.names[t]
	if !known {
		name = s.name(t)
		o := &schema{Type: "object", Properties: map[string]*schema{}}
		s.names[t], s.named[name] = name, o
		s.fields(t, o)
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

// name is the type's own, with its package's before it where two are called the same.
func (s *schemas) name(t reflect.Type) string {
	clean := func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}
	name := strings.Map(clean, t.Name())
	name = strings.ToUpper(name[:1]) + name[1:]
	if _, taken := s.named[name]; !taken {
		return name
	}
	path := t.PkgPath()
	base := strings.Map(clean, path[strings.LastIndex(path, "/")+1:]) + "_" + name
	name = base
	for n := 2; ; n++ {
		if _, taken := s.named[name]; !taken {
			return name
		}
		name = fmt.Sprintf("%s_%d", base, n)
	}
}

// fields follows encoding/json: embedded structs without a name are taken in, outer
// fields win over theirs, what is unexported or "-" is left out. Required is what is
// always written.
func (s *schemas) fields(t reflect.Type, into *schema) {
	var embedded []reflect.Type
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		switch {
		case name == "-" && options == "":
		case f.Anonymous && name == "" && ft.Kind() == reflect.Struct && ft != timeType:
			embedded = append(embedded, ft)
		case f.IsExported():
			if name == "" {
				name = f.Name
			}
			s.field(into, name, options, f.Type)
		}
	}
	for _, t := range embedded {
		s.fields(t, into)
	}
}

func (s *schemas) field(into *schema, name, options string, t reflect.Type) {
	if _, outer := into.Properties[name]; outer {
		return
	}
	described := s.typ(t)
	if strings.Contains(options, "string") && described.Type != nil {
		described = &schema{Type: "string"}
	}
	into.Properties[name] = described
	if !strings.Contains(options, "omit") {
		into.Required = append(into.Required, name)
	}
}
