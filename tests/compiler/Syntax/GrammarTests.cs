using System.Linq;
using Sinter.Compiler.Syntax;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

public sealed class GrammarTests
{
    // Printed with the brackets that the tree has.
    [Theory]
    [InlineData("a + b*c", "a + b*c")]
    [InlineData("(a + b)*c", "(a + b)*c")]
    [InlineData("(a*b)*c", "a*b*c")]
    [InlineData("a/(b*c)", "a/(b*c)")]
    [InlineData("-a^2", "-a^2")]
    [InlineData("not a and b or c", "not a and b or c")]
    [InlineData("a or b and (c or d)", "a or b and (c or d)")]
    [InlineData("a < b + 1 ? x[t,d] : y[t,d]", "a < b + 1 ? x[t,d] : y[t,d]")]
    [InlineData("a ? b : c ? d : e", "a ? b : c ? d : e")]
    [InlineData("w[h*(n+r), d'] * self_attn.F(x[t,d], width f, keep: 2)", "w[h*(n + r),d']*self_attn.F(x[t,d], width f, keep: 2)")]
    [InlineData("experts[chosen[t,k]].up.weight[f,d]", "experts[chosen[t,k]].up.weight[f,d]")]
    [InlineData("(a.weight or b.weight)[v,d]", "(a.weight or b.weight)[v,d]")]
    [InlineData("has q ? 1e-6 : 2.50", "has q ? 1e-6 : 2.50")]
    [InlineData("scoring == \"sigmoid\"", "scoring == \"sigmoid\"")]
    public void Reads_expressions(string text, string printed)
    {
        Assert.Equal(printed, Value(text).Print());
    }

    [Fact]
    public void A_product_in_brackets_joins_the_product_around_it_unless_it_divides()
    {
        Assert.Equal(4, Assert.IsType<Product>(Value("a*(b*(c*d))")).Factors.Count);
        Product divided = Assert.IsType<Product>(Value("a/(b*c)"));
        Assert.Equal(2, divided.Factors.Count);
        Assert.True(divided.Factors[1].IsInverse);
    }

    [Fact]
    public void A_name_may_contain_a_reserved_word()
    {
        Assert.Equal("order*android/nothing + hasty + none_at_all", Value("order * android / nothing + hasty + none_at_all").Print());
    }

    [Fact]
    public void Every_node_knows_where_it_stands()
    {
        const string Text = "function F(x[t,d]) = // first\n  x[t,d] * /* second */ log(2)  // last\n";
        FunctionItem function = Assert.IsType<FunctionItem>(Parse(Text).Items.Single());
        Product product = Assert.IsType<Product>(function.Body);
        Assert.Equal("x[t,d] * /* second */ log(2)", At(Text, product.Span));
        Assert.Equal("log(2)", At(Text, product.Factors[1].Value.Span));
        Assert.Equal((2, 25), (product.Factors[1].Value.Span.Line, product.Factors[1].Value.Span.Column));
        Assert.Equal("F", At(Text, function.Name.Span));
        Assert.Equal("file.sinter", function.Span.Path);
    }

    [Fact]
    public void Line_ends_and_byte_order_marks_do_not_matter()
    {
        const string Text = "block B(x[t,d]) -> y[t,d] {\n  y[t,d] = x[t,d]\n}\n";
        BlockItem plain = Assert.IsType<BlockItem>(Parse(Text).Items.Single());
        BlockItem other = Assert.IsType<BlockItem>(Parse("\uFEFF" + Text.Replace("\n", "\r\n")).Items.Single());
        Assert.Equal(plain.Statements[0].Span.Line, other.Statements[0].Span.Line);
        Assert.Equal(plain.Statements[0].Span.Column, other.Statements[0].Span.Column);
    }

    [Fact]
    public void Statements_need_no_separator()
    {
        BlockItem block = Assert.IsType<BlockItem>(Parse("block B(x[t,d]) -> y[t,d] { a[t,d] = x[t,d] y[t,d] = a[t,d] trace z = y[t,d] }").Items.Single());
        Assert.Equal(3, block.Statements.Count);
    }

    [Fact]
    public void What_can_be_read_is_kept_when_something_cannot()
    {
        ParsedFile parsed = ModelGrammar.Parse("file.sinter", "function F(x[t,d]) = x[t,d] +\nfunction G(x[t,d]) = x[t,d]\nblock B(\nfunction H(x[t,d]) = x[t,d]\n");
        Assert.Equal(["G", "H"], parsed.File!.Items.OfType<FunctionItem>().Select(function => function.Name.Text));
        Assert.Equal(["file.sinter(2,1)", "file.sinter(4,1)"], parsed.Diagnostics.Select(info => info.Span.ToString()));
    }

    [Fact]
    public void Schedules_have_values_curves_and_times()
    {
        ParsedFile parsed = ModelGrammar.Parse("file.sinter",
            "architecture A { train { rate = 0 to 2.2e-4 over 2000 steps, hold until 10T tokens, cosine to 2.2e-5 over 4.3T, then 7e-6 } }");
        Assert.Empty(parsed.Diagnostics);
        var train = (TrainItem)((ArchitectureItem)parsed.File!.Items.Single()).Items.Single();
        PhaseSyntax[] phases = [.. ((ScheduleLine)train.Lines.Single()).Phases];
        Assert.Equal([PhaseCurve.Linear, PhaseCurve.Hold, PhaseCurve.Cosine, PhaseCurve.Hold], phases.Select(phase => phase.Curve));
        Assert.Equal([2000, 1e13, 4.3e12], phases.Take(3).Select(phase => phase.Time!.Value));
        Assert.Equal([false, true, false, false], phases.Select(phase => phase.Until));
        Assert.Null(phases[3].Time);
    }

    private static Expression Value(string text) => Assert.IsType<FunctionItem>(Parse($"function F(x[t,d]) = {text}").Items.Single()).Body;

    private static FileSyntax Parse(string text)
    {
        ParsedFile parsed = ModelGrammar.Parse("file.sinter", text);
        Assert.Equal("", string.Join("\n", parsed.Diagnostics));
        return parsed.File!;
    }

    private static string At(string text, SourceSpan span) => text.Substring(span.Start, span.Length);
}
