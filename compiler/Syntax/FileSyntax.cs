namespace Sinter.Compiler.Syntax;

public sealed record Name(string Text, SourceSpan Span);

/// <summary>What a file gave: its tree as far as it could be read, and what is wrong with it.</summary>
public sealed record ParsedFile(string Path, FileSyntax? File, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>A whole .sinter file.</summary>
public sealed record FileSyntax(EquatableArray<Item> Items);

/// <summary>Something declared in a file or in an architecture.</summary>
public abstract record Item(SourceSpan Span);

public sealed record ImportItem(string Path, SourceSpan Span) : Item(Span);

/// <summary><c>architecture X reads model_type, … { items }</c></summary>
public sealed record ArchitectureItem(
    Name Name, EquatableArray<Name> ModelTypes, EquatableArray<Item> Items, SourceSpan Span) : Item(Span);

/// <summary><c>model X = Architecture { name = value … }</c></summary>
public sealed record ModelItem(
    Name Name, Name Architecture, EquatableArray<Setting> Settings, EquatableArray<Item> Sections, SourceSpan Span) : Item(Span);

/// <summary>One line of a model: a config name, dotted where it is nested, and its value.</summary>
public sealed record Setting(Name Name, Expression Value) : ModelEntry;

public abstract record ModelEntry;

public sealed record SectionEntry(Item Section) : ModelEntry;

public sealed record ConfigItem(EquatableArray<ConfigEntry> Entries, SourceSpan Span) : Item(Span);

/// <summary><c>axis d = hidden_size</c>, <c>layers = num_hidden_layers</c>, or <c>require condition</c> (no name).</summary>
public sealed record ConfigEntry(ConfigEntryKind Kind, Name? Name, Expression Value, SourceSpan Span);

public enum ConfigEntryKind
{
    Axis,
    Value,
    Require,
}

/// <summary><c>function F(x[t,d], w[d]) = expression</c></summary>
public sealed record FunctionItem(Name Name, EquatableArray<Parameter> Parameters, Expression Body, SourceSpan Span) : Item(Span);

/// <summary><c>block B(x[t,d], width f) -> y[t,d] { statements }</c></summary>
public sealed record BlockItem(
    Name Name, EquatableArray<Parameter> Parameters, Left Result, EquatableArray<Statement> Statements, SourceSpan Span) : Item(Span);

/// <summary><c>model(token[t] in v) -> logits[t,v] { statements }</c></summary>
public sealed record EntryItem(
    EquatableArray<Parameter> Parameters,
    EquatableArray<Left> Results,
    EquatableArray<Statement> Statements,
    SourceSpan Span) : Item(Span);

/// <summary><c>predict(hidden[t,d], next[t] in v) -> hidden[t,d], logits[t,v] at model.layers[layers] times predicted if condition { statements }</c></summary>
/// <param name="Times">How many layers there are, each of which foresees a token further on; zero for no prediction, null for one.</param>
public sealed record PredictItem(
    EquatableArray<Parameter> Parameters,
    EquatableArray<Left> Results,
    Reference At,
    Expression? Times,
    Expression? Condition,
    EquatableArray<Statement> Statements,
    SourceSpan Span) : Item(Span);

/// <summary>A formal value <c>x[t,d]</c>, indices <c>token[t] in v</c>, an axis <c>width f</c>, or a number <c>index</c>.</summary>
public sealed record Parameter(ParameterKind Kind, Name Name, EquatableArray<Name> Axes, Name? Range);

public enum ParameterKind
{
    Value,
    Width,
    Number,
}

/// <summary>A value and its axes, on the left of an equals sign.</summary>
public sealed record Left(Name Name, EquatableArray<Expression> Axes, SourceSpan Span);

public abstract record Statement(SourceSpan Span);

/// <summary><c>y[t,d] = expression</c>, or several values that take a sum axis apart.</summary>
public sealed record Assignment(EquatableArray<Left> Targets, Expression Value, SourceSpan Span) : Statement(Span);

/// <summary><c>cache latent[s,c] = expression over t</c></summary>
public sealed record CacheStatement(Left Target, Expression Value, SourceSpan Span) : Statement(Span);

/// <summary><c>trace router.logits = l[t,e]</c></summary>
public sealed record TraceStatement(Name Name, Expression Value, SourceSpan Span) : Statement(Span);

/// <summary><c>repeat index in 0 .. layers { statements }</c></summary>
public sealed record RepeatStatement(
    Name Index, Expression From, Expression To, EquatableArray<Statement> Body, SourceSpan Span) : Statement(Span);

/// <summary><c>if condition { … } else { … }</c>, decided when the model is compiled.</summary>
public sealed record IfStatement(
    Expression Condition, EquatableArray<Statement> Then, EquatableArray<Statement> Otherwise, SourceSpan Span) : Statement(Span);
