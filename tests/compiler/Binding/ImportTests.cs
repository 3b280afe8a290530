using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>Files that import others: each is read once, from where its importer says.</summary>
public sealed class ImportTests
{
    private const string Sizes = "config { axis v = 8 axis d = 4 }\n";

    private const string Entry = """
        architecture Tiny {
          model(token[t] in v) -> y[t,d] { x[t,d] = m.embed.weight[token[t], d] y[t,d] = Twice(x[t,d]) }
        }
        model Tried = Tiny { }
        """;

    [Fact]
    public void What_two_parts_share_is_read_once()
    {
        BoundFile bound = Bind("m/main.sinter", "import \"a.sinter\"\nimport \"parts/b.sinter\"\n" + Entry, out List<string> read, new()
        {
            ["m/a.sinter"] = "import \"parts/shared.sinter\"\nfunction Twice(x[t,d]) = 2 * Once(x[t,d])",
            ["m/parts/b.sinter"] = "import \"./../parts/shared.sinter\"\nfunction Thrice(x[t,d]) = 3 * Once(x[t,d])",
            ["m/parts/shared.sinter"] = Sizes + "function Once(x[t,d]) = x[t,d]",
        });
        Assert.Empty(bound.Diagnostics);
        Assert.Equal(["m/a.sinter", "m/parts/shared.sinter", "m/parts/b.sinter"], read);
        Assert.Equal(["Once", "Twice", "Thrice"], Assert.Single(bound.Architectures).Functions.Select(function => function.Name.Text));
    }

    [Fact]
    public void A_circle_is_reported_where_it_closes()
    {
        BoundFile bound = Bind("a.sinter", "import \"b.sinter\"", out _, new()
        {
            ["b.sinter"] = "\nimport \"c.sinter\"",
            ["c.sinter"] = "\n\nimport \"b.sinter\"",
        });
        Assert.Equal("c.sinter(3,8): error SIN0104: files import each other: b.sinter → c.sinter → b.sinter", Assert.Single(bound.Diagnostics).ToString());
    }

    [Fact]
    public void Parts_may_say_the_same_of_an_axis_but_not_something_else()
    {
        string twice = "function Twice(x[t,d]) = 2 * x[t,d]\n" + Entry;
        Assert.Empty(Bind("a.sinter", "import \"b.sinter\"\n" + Sizes + twice, out _, new() { ["b.sinter"] = Sizes }).Diagnostics);
        BoundFile other = Bind("a.sinter", "import \"b.sinter\"\n" + Sizes + twice, out _, new() { ["b.sinter"] = "config { axis d = 5 }" });
        Assert.Equal(
            "a.sinter(2,26): error SIN0102: 'd' is 5 already (b.sinter, line 1); a second definition must be the same",
            Assert.Single(other.Diagnostics).ToString());
    }

    [Fact]
    public void The_closure_of_a_file_holds_what_it_imports_and_nothing_else()
    {
        SourceFile file = new("m/main.sinter", "import \"a.sinter\"");
        SourceFile[] all = [file, new("m/a.sinter", "// import \"not/there.sinter\"\nimport \"parts/b.sinter\""), new("m/parts/b.sinter", "import \"../main.sinter\""), new("m/c.sinter", "")];
        SourceClosure closure = SourceClosure.Of(file, all);
        Assert.Equal(["m/a.sinter", "m/main.sinter", "m/parts/b.sinter"], closure.Imports.Select(import => import.Path));
        Assert.Equal("import \"../main.sinter\"", closure.Find("m/./parts/b.sinter"));
        Assert.Null(closure.Find("m/c.sinter"));
    }

    private static BoundFile Bind(string path, string text, out List<string> read, Dictionary<string, string> files)
    {
        List<string> asked = [];
        BoundFile bound = ModelBinder.Bind(path, text, import =>
        {
            asked.Add(import);
            return files.GetValueOrDefault(import);
        });
        read = asked;
        return bound;
    }
}
