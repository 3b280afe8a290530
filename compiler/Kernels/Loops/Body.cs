using System;
using System.Collections.Generic;

namespace Sinter.Compiler.Kernels.Loops;

/// <summary>Statements in the making: schedules write kernels with it, line after line.</summary>
public sealed class Body
{
    private readonly List<Statement> _statements = [];
    private readonly ScratchLayout _layout = new();

    /// <summary>Of the worker's own memory.</summary>
    public int ReservedBytes => _layout.Bytes;

    public EquatableArray<Statement> Statements => _statements.ToEquatable();

    public void Remark(string text) => _statements.Add(new Remark(text));

    public Name Let(string name, Expression value, Kind? kind = null)
    {
        var variable = new Name(kind ?? value.Kind, name);
        _statements.Add(new Declare(variable, value));
        return variable;
    }

    /// <summary>A name for a value, made once however often it is asked for; names and plain numbers stay as they are.</summary>
    public Expression Named(string name, Expression value)
    {
        if (value is Name or Real or Whole) return value;
        int taken = 0;
        foreach (Statement statement in _statements)
        {
            if (statement is not Declare declare) continue;
            if (declare.Value == value) return declare.Variable;
            if (declare.Variable.Text.StartsWith(name, StringComparison.Ordinal)) taken++;
        }

        return Let(taken == 0 ? name : name + (taken + 1), value);
    }

    public void Set(Expression target, Expression value) => _statements.Add(new Assign(target, value));

    public void Store(Expression place, Expression lanes, Expression count) => _statements.Add(new StoreLanes(place, lanes, count));

    public void For(string name, Expression from, Expression to, Expression step, Action<Body, Name> body)
    {
        var variable = new Name(Kind.Integer, name);
        _statements.Add(new For(variable, from, to, step, Inner(inner => body(inner, variable))));
    }

    public void For(string name, Expression from, Expression to, Action<Body, Name> body) => For(name, from, to, 1, body);

    public void ForDown(string name, Expression from, Action<Body, Name> body)
    {
        var variable = new Name(Kind.Integer, name);
        _statements.Add(new ForDown(variable, from, Inner(inner => body(inner, variable))));
    }

    public void OnTensorCores(TensorTile tile) => _statements.Add(tile);

    public void OnTensorCores(TensorRows rows) => _statements.Add(rows);

    public void While(Expression condition, Action<Body> body) => _statements.Add(new While(condition, Inner(body)));

    public void If(Expression condition, Action<Body> then) => _statements.Add(new If(condition, Inner(then)));

    public void If(Expression condition, Action<Body> then, Action<Body> otherwise) =>
        _statements.Add(new If(condition, Inner(then), Inner(otherwise)));

    public void Share(Expression items, out Name from, out Name to)
    {
        from = new Name(Kind.Integer, "from");
        to = new Name(Kind.Integer, "to");
        _statements.Add(new Share(items, from, to));
    }

    /// <summary>As <see cref="Share"/>, in portions that <paramref name="body"/> goes through one after the other.</summary>
    public void Deal(Expression items, Expression least, Action<Body, Name, Name> body)
    {
        var from = new Name(Kind.Integer, "from");
        var to = new Name(Kind.Integer, "to");
        _statements.Add(new Deal(items, least, from, to, Inner(inner => body(inner, from, to))));
    }

    /// <summary>A place for <paramref name="count"/> numbers (or rows) in the worker's own memory.</summary>
    public Name Reserve(string name, int count, Kind kind = Kind.Floats) => Declare(_layout.Place(name, count, kind));

    /// <summary>A place of a layout that several procedures share; in another worker's memory under a name of its own.</summary>
    public Name Declare(Reserve place, string? name = null, Expression? owner = null)
    {
        Reserve declared = place with { Place = new(place.Place.Kind, name ?? place.Place.Text), Owner = owner };
        _statements.Add(declared);
        return declared.Place;
    }

    /// <summary>A place for <paramref name="count"/> numbers in the memory of a device's group of threads.</summary>
    public Name InGroup(string name, int count, Kind kind = Kind.Floats)
    {
        var place = new Name(kind, name);
        _statements.Add(new GroupMemory(place, count));
        return place;
    }

    public void Barrier() => _statements.Add(new Barrier());

    public void Leave() => _statements.Add(new Leave());

    public void Next() => _statements.Add(new Next());

    public void Run(Procedure procedure, params Expression[] arguments) => _statements.Add(new Run(procedure, arguments.ToEquatable()));

    public void Tile(TileOperation operation, params Expression[] arguments) => _statements.Add(new Tile(operation, arguments.ToEquatable()));

    private static EquatableArray<Statement> Inner(Action<Body> write)
    {
        var body = new Body();
        write(body);
        return body.Statements;
    }
}
