// Renders a chart as `helm template` does, where helm cannot be had: Go's text/template with Sprig, which are what Helm is made of, and the few
// functions that Helm adds. The JSON on stdin: {"files": {path: text}, "context": {"Values": ..., "Release": ..., "Chart": ..., ...}}; on stdout
// {path: text} of all files but partials, whose names begin with `_`.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type input struct {
	Files   map[string]string      `json:"files"`
	Context map[string]interface{} `json:"context"`
}

func toYaml(value interface{}) (string, error) {
	text, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(text), "\n"), err
}

func fromYaml(text string) (map[string]interface{}, error) {
	value := map[string]interface{}{}
	return value, yaml.Unmarshal([]byte(text), &value)
}

func required(why string, value interface{}) (interface{}, error) {
	if value == nil || value == "" {
		return value, fmt.Errorf("%s", why)
	}
	return value, nil
}

// What a template asks of its surroundings has no place in a chart that renders the same everywhere.
func functions(root *template.Template) template.FuncMap {
	names := sprig.TxtFuncMap()
	delete(names, "env")
	delete(names, "expandenv")
	names["toYaml"] = toYaml
	names["fromYaml"] = fromYaml
	names["required"] = required
	names["include"] = func(name string, data interface{}) (string, error) {
		var text strings.Builder
		err := root.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	return names
}

func render(in input) (map[string]string, error) {
	root := template.New("chart")
	root.Funcs(functions(root)).Option("missingkey=zero")
	for name, text := range in.Files {
		if _, err := root.New(name).Parse(text); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	for name := range in.Files {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		var text strings.Builder
		if err := root.ExecuteTemplate(&text, name, in.Context); err != nil {
			return nil, err
		}
		out[name] = strings.ReplaceAll(text.String(), "<no value>", "")
	}
	return out, nil
}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	out, err := render(in)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
