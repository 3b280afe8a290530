namespace Sinter.Compiler.Reports;

/// <summary>What a stored tensor serves, told from its place in the graph, not from its name.</summary>
public enum ModelPart
{
    /// <summary>The table that token numbers are looked up in.</summary>
    Embedding,

    /// <summary>Projections of attention, the one from its output included.</summary>
    Attention,

    /// <summary>Feed-forward layers without experts.</summary>
    Dense,

    /// <summary>Experts that every token goes through.</summary>
    SharedExperts,

    /// <summary>Experts that the router chooses among.</summary>
    RoutedExperts,

    /// <summary>What the choice of experts is made with.</summary>
    Router,

    /// <summary>Vectors: norms and biases.</summary>
    Norms,

    /// <summary>The projection onto the vocabulary.</summary>
    Head,

    /// <summary>All else, such as the projection that joins the two inputs of multi-token prediction.</summary>
    Other,
}
