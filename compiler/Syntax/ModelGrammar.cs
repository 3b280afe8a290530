using System.Linq;
using Sprache;
using static Sinter.Compiler.Syntax.Combinators;
using static Sinter.Compiler.Syntax.ExpressionGrammar;
using static Sinter.Compiler.Syntax.Tokens;

namespace Sinter.Compiler.Syntax;

/// <summary>The grammar of .sinter files: files, architectures, blocks and statements; see also <see cref="ExpressionGrammar"/>.</summary>
public static class ModelGrammar
{
    /// <summary>Reads a file. Every error is reported with its place; the tree holds what could be read.</summary>
    /// <param name="path">Named in diagnostics; nothing is opened.</param>
    public static ParsedFile Parse(string path, string text)
    {
        var state = new ParseState(path);
        SourceInput start = new SourceInput(state, text, 0, 1, 1, 0).Skip(0);
        IResult<FileSyntax> result = s_file(start);
        return new ParsedFile(path, result.WasSuccessful ? result.Value : null, state.Diagnostics.ToEquatable());
    }

    private static readonly Parser<Left> s_left =
        (from name in Identifier
         from axes in (from open in Symbol("[")
                       from items in Any.ListOf(Symbol(","))
                       from close in Symbol("]")
                       select items).XOptional()
         select (name, axes))
        .Spanned((left, span) => new Left(left.name, left.axes.GetOrDefault(), span));

    private static readonly Parser<Statement> s_cache =
        (from keyword in Keyword("cache")
         from target in s_left
         from equal in Symbol("=")
         from value in Any
         select (target, value))
        .Spanned((cache, span) => (Statement)new CacheStatement(cache.target, cache.value, span));

    private static readonly Parser<Statement> s_trace =
        (from keyword in Keyword("trace")
         from name in DottedName
         from equal in Symbol("=")
         from value in Any
         select (name, value))
        .Spanned((trace, span) => (Statement)new TraceStatement(trace.name, trace.value, span));

    private static readonly Parser<EquatableArray<Statement>> s_statements =
        from open in Symbol("{")
        from items in Nested(() => s_statement!).Called("a statement").Until(Symbol("}"))
        select items;

    private static readonly Parser<Statement> s_repeat =
        (from keyword in Keyword("repeat")
         from index in Identifier
         from word in Keyword("in")
         from first in Any
         from dots in Symbol("..")
         from end in Any
         from body in s_statements
         select (index, first, end, body))
        .Spanned((repeat, span) => (Statement)new RepeatStatement(repeat.index, repeat.first, repeat.end, repeat.body, span));

    private static readonly Parser<Statement> s_if =
        (from keyword in Keyword("if")
         from condition in Any
         from then in s_statements
         from otherwise in (from word in Keyword("else")
                            from statements in s_statements.XOr(Nested(() => s_if!).Select(inner => new[] { inner }.ToEquatable()))
                            select statements).XOptional()
         select (condition, then, otherwise))
        .Spanned((choice, span) => (Statement)new IfStatement(choice.condition, choice.then, choice.otherwise.GetOrDefault(), span));

    private static readonly Parser<Statement> s_assignment =
        (from targets in s_left.ListOf(Symbol(","))
         from equal in Symbol("=")
         from value in Any
         select (targets, value))
        .Spanned((assignment, span) => (Statement)new Assignment(assignment.targets, assignment.value, span));

    private static readonly Parser<Statement> s_statement = s_cache.Or(s_trace).Or(s_repeat).Or(s_if).Or(s_assignment);

    private static readonly Parser<Parameter> s_parameter =
        (from keyword in Keyword("width")
         from name in Identifier
         select new Parameter(ParameterKind.Width, name, default, null))
        .Or(from name in Identifier
            from axes in (from open in Symbol("[")
                          from names in Identifier.ListOf(Symbol(","))
                          from close in Symbol("]")
                          select names).XOptional()
            from range in (from word in Keyword("in") from axis in Identifier select axis).XOptional()
            select new Parameter(
                axes.IsDefined ? ParameterKind.Value : ParameterKind.Number, name, axes.GetOrDefault(), range.GetOrDefault()))
        .Called("a parameter");

    private static readonly Parser<EquatableArray<Parameter>> s_parameters =
        from open in Symbol("(")
        from items in s_parameter.ListOf(Symbol(",")).Or(Sprache.Parse.Return(default(EquatableArray<Parameter>)))
        from close in Symbol(")")
        select items;

    private static readonly Parser<Item> s_function =
        (from keyword in Keyword("function")
         from name in Identifier
         from parameters in s_parameters
         from equal in Symbol("=")
         from body in Any
         select (name, parameters, body))
        .Spanned((function, span) => (Item)new FunctionItem(function.name, function.parameters, function.body, span));

    private static readonly Parser<Item> s_block =
        (from keyword in Keyword("block")
         from name in Identifier
         from parameters in s_parameters
         from arrow in Symbol("->")
         from result in s_left
         from statements in s_statements
         select (name, parameters, result, statements))
        .Spanned((block, span) => (Item)new BlockItem(block.name, block.parameters, block.result, block.statements, span));

    private static readonly Parser<Item> s_entry =
        (from keyword in Keyword("model")
         from parameters in s_parameters
         from arrow in Symbol("->")
         from results in s_left.ListOf(Symbol(","))
         from statements in s_statements
         select (parameters, results, statements))
        .Spanned((entry, span) => (Item)new EntryItem(entry.parameters, entry.results, entry.statements, span));

    private static readonly Parser<Item> s_predict =
        (from keyword in Keyword("predict")
         from parameters in s_parameters
         from arrow in Symbol("->")
         from results in s_left.ListOf(Symbol(","))
         from at in Keyword("at")
         from place in AnyReference
         from times in (from word in Keyword("times") from value in Any select value).XOptional()
         from condition in (from word in Keyword("if") from value in Any select value).XOptional()
         from statements in s_statements
         select (parameters, results, place, times, condition, statements))
        .Spanned((predict, span) => (Item)new PredictItem(
            predict.parameters, predict.results, predict.place, predict.times.GetOrDefault(), predict.condition.GetOrDefault(), predict.statements, span));

    private static readonly Parser<ConfigEntry> s_configEntry =
        (from keyword in Keyword("axis")
         from name in Identifier
         from equal in Symbol("=")
         from value in Any
         select (Kind: ConfigEntryKind.Axis, Name: (Name?)name, Value: value))
        .Or(from keyword in Keyword("require")
            from value in Any
            select (Kind: ConfigEntryKind.Require, Name: (Name?)null, Value: value))
        .Or(from name in Identifier
            from equal in Symbol("=")
            from value in Any
            select (Kind: ConfigEntryKind.Value, Name: (Name?)name, Value: value))
        .Called("a line")
        .Spanned((entry, span) => new ConfigEntry(entry.Kind, entry.Name, entry.Value, span));

    private static readonly Parser<Item> s_config =
        (from keyword in Keyword("config")
         from open in Symbol("{")
         from entries in s_configEntry.Until(Symbol("}"))
         select entries)
        .Spanned((entries, span) => (Item)new ConfigItem(entries, span));

    private static readonly Parser<Item> s_architecture =
        (from keyword in Keyword("architecture")
         from name in Identifier
         from types in (from word in Keyword("reads") from names in Identifier.ListOf(Symbol(",")) select names).XOptional()
         from open in Symbol("{")
         from items in s_config.Or(s_function).Or(s_block).Or(s_entry).Or(s_predict).Or(SectionGrammar.Train).Or(SectionGrammar.Parallel)
             .Called("'config', 'function', 'block', 'model', 'predict', 'train', 'parallel'").Until(Symbol("}"))
         select (name, types, items))
        .Spanned((architecture, span) => (Item)new ArchitectureItem(
            architecture.name, architecture.types.GetOrDefault(), architecture.items, span));

    // A model's lines need no separator, so its values are words, numbers and calls, but no formulas.
    private static readonly Parser<ModelEntry> s_modelEntry =
        SectionGrammar.Train.Or(SectionGrammar.Parallel).Select(section => (ModelEntry)new SectionEntry(section))
        .Or(from name in DottedName
            from equal in Symbol("=")
            from value in AnySetting
            from comma in Symbol(",").XOptional()
            select (ModelEntry)new Setting(name, value))
        .Called("a config name");

    private static readonly Parser<Item> s_model =
        (from keyword in Keyword("model")
         from name in Identifier
         from equal in Symbol("=")
         from architecture in Identifier
         from open in Symbol("{")
         from entries in s_modelEntry.Until(Symbol("}"))
         select (name, architecture, entries))
        .Spanned((model, span) => (Item)new ModelItem(
            model.name,
            model.architecture,
            model.entries.OfType<Setting>().ToEquatable(),
            model.entries.OfType<SectionEntry>().Select(entry => entry.Section).ToEquatable(),
            span));

    private static readonly Parser<Item> s_import =
        (from keyword in Keyword("import")
         from path in Text
         select path)
        .Spanned((path, span) => (Item)new ImportItem(path.Value, path.Span));

    private static readonly Parser<FileSyntax> s_file =
        s_import.Or(s_config).Or(s_function).Or(s_block).Or(s_architecture).Or(s_model)
        .Called("'import', 'config', 'function', 'block', 'architecture', 'model'")
        .Until(EndOfFile).Select(items => new FileSyntax(items));
}
