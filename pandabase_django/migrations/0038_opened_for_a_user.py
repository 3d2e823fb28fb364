from django.db import migrations, models


def note_the_users(apps, schema_editor):
    sessions = apps.get_model('pandabase', 'CheckoutSession').objects.using(schema_editor.connection.alias)
    sessions.filter(user__isnull=False).update(had_user=True)


class Migration(migrations.Migration):

    dependencies = [
        ('pandabase', '0037_usage'),
    ]

    operations = [
        migrations.AddField(
            model_name='checkoutsession',
            name='had_user',
            field=models.BooleanField(db_default=False, help_text='Stays when the user is deleted.', verbose_name='opened for a user'),
        ),
        migrations.RunPython(note_the_users, migrations.RunPython.noop),
    ]
